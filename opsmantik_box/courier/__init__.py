"""The process that speaks to the outside world: started when something is due, gone when nothing is. No database, no listening socket."""
