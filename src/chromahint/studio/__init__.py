"""A page on this machine where a person colors a photo by clicking."""
