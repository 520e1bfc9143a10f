"""The world in a box: whole controllers, traders, venues and the network between them, under one virtual clock."""
