"""npm's packages, as a lock file has them."""
import os
import subprocess
import time

# A registry that does not answer at once is no fault of what is tested.
TRIES = 4


def environment(folder):
    """npm keeps what it fetched in the user's home, if there is one that takes it."""
    home = os.path.expanduser("~")
    if os.access(home, os.W_OK):
        return dict(os.environ)
    return {**os.environ, "npm_config_cache": str(folder / ".cache")}


def install(folder):
    """Into `folder`, which holds package.json and package-lock.json."""
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    for turn in range(TRIES):
        time.sleep(5 * turn)
        made = subprocess.run(command, cwd=folder, env=environment(folder), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if made.returncode == 0:
            return
    raise RuntimeError(f"npm ci in {folder} ended with {made.returncode}, {TRIES} times:\n"
                       + made.stdout.decode(errors="replace")[-4000:])
