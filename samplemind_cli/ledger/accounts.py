"""What was spent of each budget, and what running calls have reserved: one SQLite file, shared by all processes."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from samplemind_cli import files, spool
from samplemind_cli.budgets import EACH, Budget, in_dollars
from samplemind_cli.errors import SettingError
from samplemind_cli.ledger import stats
from samplemind_cli.ledger.prices import Prices
from samplemind_cli.ledger.since import moment
from samplemind_cli.ledger.store import Ledger, connected, transaction
from samplemind_cli.settings import Settings

NAME = "budgets.db"
VERSION = 1
NANO = 10**9  # sums are whole billionths of a dollar: floats would drift
MOST = 10**9 * NANO  # counted at once: a provider may say that it read any number of tokens, and SQLite has 64 bits
_STARTS = {"day": "today", "week": "week", "month": "month"}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS spent (
    who TEXT NOT NULL, span TEXT NOT NULL, nano INTEGER NOT NULL, PRIMARY KEY (who, span)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS held (
    call TEXT NOT NULL, who TEXT NOT NULL, span TEXT NOT NULL, nano INTEGER NOT NULL,
    process INTEGER NOT NULL, until REAL NOT NULL, PRIMARY KEY (call, who, span)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS held_of ON held (who, span);
"""


class Account(NamedTuple):
    """What one budget limits: who spends, and in which time span. `each` and `name` as in `Budget`."""

    each: str
    name: str
    span: str
    nano: int

    @property
    def key(self) -> tuple[str, str]:
        """The key of its row: who, and the current span."""
        return f"{self.each} {self.name}".strip() or "all", f"{self.span} {_label(self.span)}".strip()

    def __str__(self) -> str:
        whose = f" of {self.each} {self.name}" if self.each else ""
        return f"{dollars(self.nano)}{whose} {'in all' if self.span == 'total' else f'a {self.span}'}"


class OverError(Exception):
    """A call may cost more than an account has left: `left` billionths of a dollar."""

    def __init__(self, account: Account, left: int) -> None:
        super().__init__(account)
        self.account = account
        self.left = left


@dataclass(frozen=True, slots=True)
class Held:
    """What a call has reserved in some accounts until it is settled."""

    call: str
    keys: tuple[tuple[str, str], ...]
    nano: int


class BusyError(SettingError):
    """Another process has locked the file."""


class Accounts:
    """The accounts of one user. Raises SettingError where their file cannot be used: then nothing may be spent.

    `patience`: seconds that each method waits for a lock of another process.
    """

    def __init__(self, settings: Settings, prices: Prices, patience: float | None = None) -> None:
        if not settings.state_dir:
            raise SettingError("budgets need a folder to record spending in", "export XDG_STATE_HOME=…")
        self._settings = settings
        self._prices = prices
        self._patience = patience
        self._path = Path(spool.folder(settings.state_dir), NAME)
        self._mine = threading.local()  # a connection belongs to one thread

    def close(self) -> None:
        """Close this thread's connection; the next use opens it again."""
        if file := getattr(self._mine, "file", None):
            file.close()
        self._mine.file = None

    def unknown(self, accounts: Iterable[Account]) -> list[Account]:
        """Those of which nothing is recorded yet in their span."""
        with self._file() as file:
            query = "SELECT 1 FROM spent WHERE who = ? AND span = ?"
            return [account for account in accounts if not file.execute(query, account.key).fetchone()]

    def begin(self, accounts: Iterable[Account]) -> None:
        """Record what the ledger says was spent before this budget existed; slow on a large ledger."""
        rows = [(*account.key, min(self._before(account), MOST)) for account in accounts]
        with self._file() as file:
            file.executemany("INSERT OR IGNORE INTO spent VALUES (?, ?, ?)", rows)

    def hold(self, accounts: Sequence[Account], nano: int, until: float) -> Held | None:
        """Reserve `nano` of every account until it is settled; None while other calls have reserved too much.

        Raises OverError where less is left. What a dead process had reserved counts as spent, and so does a reservation
        past its time (`until`, unix seconds).
        """
        with self._file() as file, transaction(file):
            _write_off(file)
            keys = tuple(account.key for account in accounts)  # computed once, as midnight may pass
            for account, key in zip(accounts, keys, strict=True):
                spent = _sum(file, "spent", key)
                if spent + nano > account.nano:
                    raise OverError(account, account.nano - spent)
                if spent + _sum(file, "held", key) + nano > account.nano:
                    return None
            held = Held(os.urandom(8).hex(), keys, nano)
            rows = [(held.call, *key, nano, os.getpid(), until) for key in held.keys]
            file.executemany("INSERT INTO held VALUES (?, ?, ?, ?, ?, ?)", rows)
            return held

    def settle(self, held: Held, nano: int) -> None:
        """Replace a call's reservation by what it cost, `nano` billionths of a dollar."""
        with self._file() as file, transaction(file):
            was_held = file.execute("DELETE FROM held WHERE call = ?", (held.call,)).rowcount
            more = nano if was_held else nano - held.nano  # it was counted as spent meanwhile
            _spend(file, [(*key, more) for key in held.keys])

    def sums(self, account: Account) -> tuple[int, int]:
        """Billionths of a dollar that are spent, and that are reserved."""
        with self._file() as file:
            with transaction(file):
                _write_off(file)
            return _sum(file, "spent", account.key), _sum(file, "held", account.key)

    def names(self, each: str) -> list[str]:
        """The names of the clients, sessions or batches that spent something."""
        with self._file() as file:
            rows = file.execute("SELECT DISTINCT who FROM spent WHERE who LIKE ? ORDER BY who", (f"{each} %",))
            return [row["who"].partition(" ")[2] for row in rows]

    def _before(self, account: Account) -> int:
        if account.each == "batch" or self._settings.history == "off":
            return 0
        since = moment(_STARTS.get(account.span, "all"))
        with Ledger(self._settings).open() as ledger:
            groups = stats.sums(ledger, self._prices, since, (account.each,) if account.each else ())
        return round(NANO * sum(group.spent for group in groups if not account.each or group.name == account.name))

    @contextmanager
    def _file(self) -> Iterator[sqlite3.Connection]:
        try:
            if getattr(self._mine, "file", None) is None:
                self._mine.file = connected(self._path, _SCHEMA, VERSION, self._patience)
            yield self._mine.file
        except (sqlite3.Error, OSError) as error:
            self.close()
            message = f"spending cannot be recorded: {self._path}: {error}"
            if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY:
                raise BusyError(message, "another process holds it: try again") from error
            hint = files.remedy(error) if isinstance(error, OSError) else "free space there"
            raise SettingError(message, hint) from error


def of(budgets: Iterable[Budget], who: dict[str, str]) -> list[Account]:
    """The accounts that a call is charged to. `who`: its client, session and batch by those words; "" for none.

    A budget for one by its name replaces the one for each.
    """
    budgets, accounts = tuple(budgets), []
    for each, span in dict.fromkeys((budget.each, budget.span) for budget in budgets):
        name = who[each] if each else ""
        matching = [b for b in budgets if (b.each, b.span) == (each, span) and b.name in ("", name)]
        binding = [b for b in matching if b.name] or matching
        if binding and bool(name) == bool(each):
            accounts.append(Account(each, name, span, round(min(b.dollars for b in binding) * NANO)))
    return accounts


def standing(settings: Settings, prices: Prices) -> list[dict[str, Any]]:
    """Each budget's limit, and what is spent, reserved ("held") and left of it, in dollars; one row per client etc."""
    if not settings.budgets:
        return []
    accounts, rows = Accounts(settings, prices), []
    everyone = [("", ""), *((each, name) for each in EACH for name in accounts.names(each))]
    for each, name in everyone:
        who = dict.fromkeys(EACH, "") | ({each: name} if each else {})
        own = [account for account in of(settings.budgets, who) if account.each == each]
        accounts.begin(accounts.unknown(own))
        for account in own:
            spent, held = accounts.sums(account)
            sums = {"limit": account.nano, "spent": spent, "held": held, "left": account.nano - spent - held}
            labels = {"budget": str(account), "each": each, "name": name, "span": account.span}
            rows.append(labels | {what: nano / NANO for what, nano in sums.items()})
    accounts.close()
    return rows


def dollars(nano: int) -> str:
    """Billionths of a dollar for display."""
    return in_dollars(nano / NANO)


def _label(span: str) -> str:
    """The current day, week or month in this machine's time zone."""
    now = datetime.now().astimezone()
    return {"day": f"{now:%Y-%m-%d}", "week": f"{now:%G-W%V}", "month": f"{now:%Y-%m}"}.get(span, "")


def _sum(file: sqlite3.Connection, table: str, key: tuple[str, str]) -> int:
    row: Any = file.execute(f"SELECT coalesce(sum(nano), 0) FROM {table} WHERE who = ? AND span = ?", key).fetchone()  # noqa: S608 - names of ours
    return int(row[0])


def _spend(file: sqlite3.Connection, rows: Iterable[tuple[str, str, int]]) -> None:
    query = "INSERT INTO spent VALUES (?, ?, ?) ON CONFLICT (who, span) DO UPDATE SET nano = nano + excluded.nano"
    file.executemany(query, [(who, span, min(nano, MOST)) for who, span, nano in rows])


def _write_off(file: sqlite3.Connection) -> None:
    """Count reservations of dead processes and expired ones as spent: their calls may have been answered."""
    rows = file.execute("SELECT * FROM held").fetchall()
    now, alive = time.time(), {process: _is_alive(process) for process in {row["process"] for row in rows}}
    lost = [row for row in rows if row["until"] < now or not alive[row["process"]]]
    _spend(file, [(row["who"], row["span"], row["nano"]) for row in lost])
    file.executemany("DELETE FROM held WHERE call = ?", {(row["call"],) for row in lost})


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True
