"""What is known of the tasks: how they stand, what can be doubted, which comes next."""
