"""What exchanges to rehearse on share: requests, replies, faults by name, connections, the operator's words."""
