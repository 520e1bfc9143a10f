# Types for the part of Thespian 4.0.1 that is ours to use; the library ships none.
