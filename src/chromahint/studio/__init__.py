"""A page on this machine where a person colours a photo by clicking."""
