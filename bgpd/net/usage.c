/* SPDX-License-Identifier: ISC */
/* What this process uses: memory, processor time, descriptors; out of /proc. */

/*
 * As the client libraries of Prometheus read it: statm, stat and fd of
 * /proc/self. The files are small and are opened for each call; what never
 * changes is read once.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/net.h"

/* A file of the kernel's in one read; "" if there is none. */
static const char *
proc_read(const char *path, char *out, size_t size)
{
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		n = read(fd, out, size - 1);
		close(fd);
	}
	out[n > 0 ? n : 0] = '\0';
	return out;
}

static void
usage_memory(struct usage *usage)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), all, resident;
	char line[256];

	proc_read("/proc/self/statm", line, sizeof(line));
	if (sscanf(line, "%" SCNu64 " %" SCNu64, &all, &resident) != 2)
		return;
	usage->virtual_bytes = all * page;
	usage->resident_bytes = resident * page;
}

static void
usage_processor(struct usage *usage)
{
	struct rusage r;

	if (getrusage(RUSAGE_SELF, &r) < 0)
		return;
	usage->cpu_secs =
	    (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	    (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* When the host was started, in seconds of the wall's clock. */
static double
boot_epoch(void)
{
	char line[128];
	double epoch = 0;
	FILE *in = fopen("/proc/stat", "re");

	while (in != NULL && fgets(line, sizeof(line), in) != NULL)
		if (sscanf(line, "btime %lf", &epoch) == 1)
			break;
	if (in != NULL)
		fclose(in);
	return epoch;
}

/* Fields 20 and 22 of stat, counted after the name, which may hold anything. */
static void
usage_life(struct usage *usage)
{
	static double boot;
	unsigned long long ticks;
	unsigned threads;
	char line[1024], *after;

	proc_read("/proc/self/stat", line, sizeof(line));
	after = strrchr(line, ')');
	if (after == NULL ||
	    sscanf(after,
		") %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		"%*s %*s %*s %u %*s %llu",
		&threads, &ticks) != 2)
		return;
	if (boot == 0)
		boot = boot_epoch();
	usage->threads = threads;
	if (boot != 0)
		usage->started_epoch =
		    boot + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static void
usage_descriptors(struct usage *usage)
{
	struct rlimit limit;
	const struct dirent *entry;
	DIR *dir = opendir("/proc/self/fd");

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		usage->open_fds += entry->d_name[0] != '.';
	if (dir != NULL) {
		usage->open_fds--; /* the directory's own */
		closedir(dir);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		usage->max_fds = limit.rlim_cur == RLIM_INFINITY
				     ? UINT64_MAX
				     : (uint64_t)limit.rlim_cur;
}

void
usage_get(struct usage *usage)
{
	memset(usage, 0, sizeof(*usage));
	usage_memory(usage);
	usage_processor(usage);
	usage_life(usage);
	usage_descriptors(usage);
}
