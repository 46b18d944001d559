"""Whether an installation is in order: each part is looked at by itself, what was seen is told, and what to do.

Nothing is changed, made or sent. What only the engine knows is looked at in flows/engine_check.py.
"""

from services.doctor.checks import examine as examine
from services.doctor.told import Check as Check
from services.doctor.told import Line as Line
from services.doctor.told import Mark as Mark
from services.doctor.told import Told as Told
