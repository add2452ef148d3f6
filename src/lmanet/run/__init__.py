"""What a run is: the records of its steps and the files of its folder."""
