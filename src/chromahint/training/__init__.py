"""Training: LightningModule, trainer, losses, schedules, augmentation, callbacks, loggers and the training process."""
