# SPDX-License-Identifier: ISC
"""What a daemon's processes cost: CPU and memory, as the kernel has them."""

import re
import time

from lab import run


class Processes:
    """A process and all that it has started."""

    def __init__(self, pid):
        self.pids = [pid]
        for parent in self.pids:
            done = run("ps", "-o", "pid=", "--ppid", parent, check=False)
            self.pids += [int(word) for word in done.stdout.split()]

    def cpu_s(self):
        """So far, of all threads; 0 of a process that has ended."""
        return sum(self.cpu_of(pid) for pid in self.pids)

    @staticmethod
    def cpu_of(pid):
        try:
            return time.clock_gettime((~pid << 3) | 2)
        except OSError:
            return 0

    def memory_mb(self, what="VmRSS"):
        """The sum of VmRSS, or of VmHWM."""
        total = 0
        for pid in self.pids:
            try:
                with open(f"/proc/{pid}/status") as f:
                    found = re.search(rf"{what}:\s+(\d+)", f.read())
            except OSError:
                continue
            total += int(found.group(1)) if found else 0
        return total / 1024

    def forget_peak(self):
        """VmHWM begins anew."""
        for pid in self.pids:
            try:
                with open(f"/proc/{pid}/clear_refs", "w") as f:
                    f.write("5")
            except OSError:
                pass

    def wait_quiet(self, least_s, most_s):
        """Until they have next to nothing to do; False: they do not end."""
        end = time.monotonic() + most_s
        time.sleep(max(0, least_s - 0.5))
        while time.monotonic() < end:
            before = self.cpu_s()
            time.sleep(0.5)
            if self.cpu_s() - before < 0.02:
                return True
        return False
