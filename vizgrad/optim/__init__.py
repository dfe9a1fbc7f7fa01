"""Optimisers, which change parameters by their gradients, and schedules, which change the optimisers' learning rate."""

from vizgrad.optim.optimisers import SGD, Adam, Adamax, AdamW, Optimiser, RMSprop
from vizgrad.optim.schedules import CosineLR, ExponentialLR, LinearWarmup, OneCycleLR, Schedule, StepLR

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Adamax",
    "CosineLR",
    "ExponentialLR",
    "LinearWarmup",
    "OneCycleLR",
    "Optimiser",
    "RMSprop",
    "Schedule",
    "StepLR",
]
