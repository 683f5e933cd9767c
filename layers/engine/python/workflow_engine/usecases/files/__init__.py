"""Files that clients upload, for steps that read them."""
