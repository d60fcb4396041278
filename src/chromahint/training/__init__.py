"""The LightningModule and what surrounds it: losses, schedules, augmentation, callbacks, loggers, the job process."""
