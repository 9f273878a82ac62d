//! The actor against doubles of its neighbours.
