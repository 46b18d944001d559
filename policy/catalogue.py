"""Where policies lie, and which there are."""

from __future__ import annotations

from pathlib import Path

from policy.errors import PolicyNotFoundError, nearest

POLICIES = Path(__file__).resolve().parent.parent / "config" / "policies"


def listed(root: Path = POLICIES) -> list[str]:
    """The ids of all policies under ``root``, in order; a name with a dot before it is no policy's."""
    if not root.is_dir():
        return []
    folders = [folder for folder in root.iterdir() if not folder.name.startswith(".")]
    return sorted(folder.name for folder in folders if (folder / "policy.yaml").is_file())


def find(id_or_path: str, root: Path = POLICIES) -> Path:
    """The folder of a policy id, or an existing path to a folder or policy.yaml. Raises PolicyNotFoundError."""
    if (root / id_or_path / "policy.yaml").is_file():
        return root / id_or_path
    path = Path(id_or_path)
    if path.is_file() or (path / "policy.yaml").is_file():
        return path
    close = nearest(id_or_path, listed(root))
    hint = f"，是否想写“{close}”" if close else ""
    raise PolicyNotFoundError(f"没有政策“{id_or_path}”：既不是政策目录 {root} 里的编号，也不是政策文件的路径{hint}")
