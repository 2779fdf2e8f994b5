"""The library behind the stages, the commands and the service: one folder for each subject."""

from fashion_mnist import command

command.prepare()
