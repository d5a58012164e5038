"""Which files in the current folder or above it are trusted: those that no other user could have written."""

import os
import stat

TYPE_CHECKING = False  # importing `typing` is as slow as pathlib
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LARGEST = 1_000_000  # bytes of a settings file
_READING = os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_reported: set[str] = set()  # ignored files, each reported once per process


def folders(directory: str, env: "Mapping[str, str]") -> list[str]:
    """`directory` and the folders above it, nearest first.

    The last one is the repository's top, the user's home, or the last on the same file system.
    """
    home = _device_inode(env.get("HOME") or os.path.expanduser("~"))
    upwards, folder, device = [], directory, None
    while True:
        place = _device_inode(folder)
        if place and device not in (None, place[0]):
            return upwards
        upwards.append(folder)
        device = place[0] if place else device
        parent = os.path.dirname(folder)
        if folder == parent or (place and place == home) or os.path.exists(os.path.join(folder, ".git")):
            return upwards
        folder = parent


def fault(file: str, env: "Mapping[str, str]") -> str:
    """Why a file is not trusted; "" if it is: another user owns it or its folder, or everybody may write to them.

    As in git, members of the owner's group are trusted. A link is judged by its target too. An absent file is trusted.
    """
    folder, ours = os.path.dirname(file), _ours(env)
    try:
        places = [(file, os.lstat(file)), (folder, os.lstat(folder)), (file, os.stat(file)), (folder, os.stat(folder))]
        if stat.S_ISLNK(places[0][1].st_mode):  # `realpath` is slow, and the same for anything else
            real = os.path.dirname(os.path.realpath(file))
            places.append((real, os.stat(real)))
    except OSError:
        return ""
    for path, info in places:
        if info.st_uid not in ours:
            return f"{path} belongs to another user"
        sticky = stat.S_ISDIR(info.st_mode) and info.st_mode & stat.S_ISVTX
        if info.st_mode & stat.S_IWOTH and not sticky and not stat.S_ISLNK(info.st_mode):
            return f"every user can write to {path}"
    return ""


def content(file: "str | os.PathLike[str]", largest: int = LARGEST) -> bytes:
    """A file's bytes, whoever wrote it. Raises OSError for what could block or never end, such as a pipe."""
    with open(file, "rb", opener=lambda path, flags: os.open(path, flags | _READING)) as opened:
        if why := unreadable(os.fstat(opened.fileno()), largest):
            raise OSError(why)
        return opened.read(largest)


def present(file: "str | os.PathLike[str]") -> bool:
    """Whether there is a file to read, be it one that `content` refuses; none is a folder, or a link to /dev/null."""
    return os.path.exists(file) and not os.path.isdir(file) and os.path.realpath(file) != os.devnull


def unreadable(info: os.stat_result, largest: int = LARGEST) -> str:
    """Why a file must not be read; "" if it may be: a link may lead to a pipe or a terminal, which would block."""
    if stat.S_ISFIFO(info.st_mode):
        return "it is a pipe"
    if not stat.S_ISREG(info.st_mode):
        return "it is not a regular file"
    return f"it is larger than {largest} bytes" if info.st_size > largest else ""


def counts(file: str, env: "Mapping[str, str]", trusted: "Iterable[str]") -> bool:
    """Whether a file has no fault or lies below one of the `trusted` folders; else warns, once per file."""
    why = fault(file, env)
    if not why or _below(file, trusted):
        return True
    if file not in _reported:
        _reported.add(file)
        from samplemind_cli import output  # rarely needed, and slow to import for the hot path

        output.say(f"warning: {file} is ignored: {why}")
        output.say(f"hint: to use it, set SAMPLEMIND_TRUSTED_FOLDERS={os.path.dirname(file)}")
    return False


def _below(file: str, trusted: "Iterable[str]") -> bool:
    folder = os.path.join(os.path.realpath(os.path.dirname(file)), "")
    roots = (os.path.join(os.path.realpath(root), "") for root in trusted if os.path.isabs(root))
    return folder.startswith(tuple(roots))


def _ours(env: "Mapping[str, str]") -> set[int]:
    """The users whose files are trusted: this one, root, and the one who called sudo."""
    user, sudo = os.geteuid(), env.get("SUDO_UID", "")
    return {0, user, int(sudo)} if user == 0 and sudo.isascii() and sudo.isdigit() else {0, user}


def _device_inode(folder: str) -> tuple[int, int] | None:
    try:
        info = os.stat(folder)
    except OSError:
        return None
    return info.st_dev, info.st_ino
