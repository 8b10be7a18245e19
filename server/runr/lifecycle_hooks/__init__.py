"""What runr calls at the points of a run or a job, as the settings say: lifecycle hooks."""
