"""Moving the record from SQLite to PostgreSQL: one transaction, compared row by row before it is kept."""

from services.moving.moving import move as move
from services.moving.rows import Moved as Moved
