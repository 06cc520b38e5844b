mod agreement;
mod hostile;
mod limits;
mod single;
mod wire;
