"""Backups: one archive with all that cannot be made again, taken while everything runs; and what comes out of it."""

from services.backups.last import LastBackup as LastBackup
from services.backups.last import last_backup as last_backup
from services.backups.making import Made as Made
from services.backups.making import make as make
from services.backups.pruning import prune as prune
from services.backups.restoring import Restored as Restored
from services.backups.restoring import restore as restore
