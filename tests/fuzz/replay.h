/* SPDX-License-Identifier: ISC */
/* A fuzz target without a fuzzer: the files that are named, else all its seeds. */
#ifndef FUZZ_REPLAY_H
#define FUZZ_REPLAY_H

#include <glob.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int
replay(const char *path)
{
	static uint8_t bytes[1 << 17];
	FILE *file = fopen(path, "rb");

	if (file == NULL) {
		perror(path);
		return -1;
	}
	LLVMFuzzerTestOneInput(bytes, fread(bytes, 1, sizeof(bytes), file));
	fclose(file);
	return 0;
}

/* main's: seeds_of is the pattern of their names. */
__attribute__((unused)) static int
replay_all(int argc, char **argv, const char *seeds_of)
{
	glob_t seeds = { 0 };
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	if (argc == 1 && glob(seeds_of, 0, NULL, &seeds) != 0)
		failed = 1; /* no seed is no test */
	for (size_t i = 0; i < seeds.gl_pathc; i++)
		failed |= replay(seeds.gl_pathv[i]);
	globfree(&seeds);
	return failed != 0;
}

#endif
