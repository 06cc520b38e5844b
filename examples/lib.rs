//! Small programs, one per capability; see the files beside this one.
