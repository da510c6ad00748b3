/* SPDX-License-Identifier: ISC */
/* Many small allocations that are dropped as one. */
#include "util/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "util/mem.h"

#define ARENA_FIRST 1024u /* the first block; each next one doubles */
#define ARENA_BLOCK 65536u
#define ARENA_ALIGN 16u

struct arena_block {
	struct arena_block *next;
	size_t size; /* of data */
	size_t used;
	_Alignas(ARENA_ALIGN) uint8_t data[];
};

struct arena {
	struct arena_block *head; /* the block that is being filled */
	size_t held;
	size_t next_size;
};

struct arena *
arena_new(void)
{
	struct arena *arena = mem_alloc(sizeof(*arena));

	arena->next_size = ARENA_FIRST;
	return arena;
}

static void
arena_drop_blocks(struct arena *arena, struct arena_block *block)
{
	struct arena_block *next;

	for (; block != NULL; block = next) {
		next = block->next;
		arena->held -= sizeof(*block) + block->size;
		mem_free(block);
	}
}

void
arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	arena_drop_blocks(arena, arena->head);
	mem_free(arena);
}

void
arena_reset(struct arena *arena)
{
	struct arena_block *keep = arena->head;

	/* One huge object is no reason to hold as much for ever. */
	if (keep == NULL || keep->size > ARENA_BLOCK) {
		arena_drop_blocks(arena, keep);
		arena->head = NULL;
		arena->next_size = ARENA_FIRST;
		return;
	}
	arena_drop_blocks(arena, keep->next);
	keep->next = NULL;
	keep->used = 0;
}

static void
arena_add_block(struct arena *arena, size_t size)
{
	struct arena_block *block;

	if (size < arena->next_size)
		size = arena->next_size;
	if (arena->next_size < ARENA_BLOCK)
		arena->next_size *= 2;
	/* Not zeroed here: arena_alloc does, also after a reset. */
	block = mem_resize(NULL, 1, sizeof(*block) + size);
	block->next = arena->head;
	block->size = size;
	block->used = 0;
	arena->head = block;
	arena->held += sizeof(*block) + size;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	struct arena_block *block;
	void *p;

	if (size > SIZE_MAX / 2)
		fatal("out of memory: %zu bytes in an arena", size);
	size = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
	block = arena->head;
	if (block == NULL || block->size - block->used < size) {
		arena_add_block(arena, size);
		block = arena->head;
	}
	p = block->data + block->used;
	block->used += size;
	memset(p, 0, size);
	return p;
}

void *
arena_copy(struct arena *arena, const void *p, size_t size)
{
	void *copy = arena_alloc(arena, size);

	if (size > 0)
		memcpy(copy, p, size);
	return copy;
}

char *
arena_string(struct arena *arena, const char *s)
{
	return s != NULL ? arena_copy(arena, s, strlen(s) + 1) : NULL;
}

char *
arena_format(struct arena *arena, const char *format, ...)
{
	va_list ap;
	char *s;
	int len;

	va_start(ap, format);
	len = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (len < 0)
		return arena_alloc(arena, 1);
	s = arena_alloc(arena, (size_t)len + 1);
	va_start(ap, format);
	vsnprintf(s, (size_t)len + 1, format, ap);
	va_end(ap);
	return s;
}

size_t
arena_size(const struct arena *arena)
{
	return sizeof(*arena) + arena->held;
}
