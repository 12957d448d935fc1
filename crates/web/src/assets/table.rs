//! The web client's files, below `ui/`: each is in this table, in order.

files!["index.html",];
