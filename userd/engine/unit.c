// SPDX-License-Identifier: BSD-3-Clause
/*
 * Two units and one number; see the header.
 *
 * Order is all there is to it. fill(number + 1) writes to memory that the
 * current number does not lead to; the release store of the number comes after
 * all of it. A reader loads the number with acquire and follows it. Nothing is
 * locked: there is one writer, and readers come after its death.
 *
 * A head is copied before it is looked at, so what is checked is what is used.
 */
#include "engine/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/fd.h"
#include "base/secret.h"

#define UNIT_MAGIC   0x76747075756e6974ull /* "vtpuunit" */
#define UNIT_VERSION 4

struct unit_root {
	uint64_t magic;
	uint32_t version;
	uint32_t size;		 /* of struct unit_memory */
	_Atomic uint64_t number; /* as sealed_number() makes it */
};

/* All of it is authenticated by the head's tag. */
struct clear {
	uint64_t number;
	uint64_t instance;
	uint64_t generation;
	uint64_t id;
	uint64_t nonce;
	uint32_t ended;
	uint32_t area;
	uint32_t envelope_length;
	uint32_t volatile_length;
	uint32_t tables_length;
	uint32_t answer_length;
	uint32_t unused;
	uint8_t key[UNIT_KEY_SIZE];
	uint8_t envelope_tag[GCM_TAG_SIZE];
};

struct unit_head {
	struct clear clear;
	uint8_t tag[GCM_TAG_SIZE];
	uint8_t answer[UNIT_ANSWER_MAX];
};

struct unit_memory {
	_Alignas(4096) struct unit_root root;
	_Alignas(4096) struct unit_head head[2];
	_Alignas(4096) uint8_t volatile_state[2][UNIT_VOLATILE_MAX];
	_Alignas(4096) uint8_t envelope[2][UNIT_ENVELOPE_MAX];
	_Alignas(4096) uint8_t tables[2][UNIT_TABLES_MAX];
	_Alignas(4096) struct unit_log log[2];
	_Alignas(4096) uint8_t contexts[RM_CONTEXTS][RM_CONTEXT_SIZE];
};

_Static_assert(sizeof(struct unit_memory) % 4096 == 0, "whole pages");
_Static_assert(sizeof(struct clear) == 68 + UNIT_KEY_SIZE + GCM_TAG_SIZE, "no padding");
_Static_assert(sizeof(_Atomic uint64_t) == 8, "the number is one word");

#define NUMBER_BITS 48
#define NUMBER_MASK ((1ull << NUMBER_BITS) - 1)

/*
 * The number of the unit before is a good one too, so a changed number would not be
 * noticed: the upper 16 bits say what the others add up to. At a publish each
 * microsecond 48 bits last for nine years of one checkpoint.
 */
static uint64_t sealed_number(uint64_t number)
{
	uint64_t sum = ~(number ^ number >> 16 ^ number >> 32);

	return (number & NUMBER_MASK) | sum << NUMBER_BITS;
}

int unit_map(struct unit *unit, int fd)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	struct stat status;
	void *memory;

	*unit = (struct unit){ 0 };
	if (fd >= 0) {
		if (fstat(fd, &status))
			return -errno;
		if (!status.st_size && ftruncate(fd, sizeof(struct unit_memory)))
			return -errno;
		if (status.st_size && status.st_size != sizeof(struct unit_memory)) {
			unit->misfit = true;
			return 0;
		}
		/* Best effort: nobody shall pull the memory from below us. */
		(void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
		flags = MAP_SHARED;
	}

	memory = mmap(NULL, sizeof(struct unit_memory), PROT_READ | PROT_WRITE, flags, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	unit->memory = memory;
	return 0;
}

static bool is_root_known(const struct unit_root *root)
{
	return root->magic == UNIT_MAGIC && root->version == UNIT_VERSION &&
	       root->size == sizeof(struct unit_memory);
}

int unit_is_known(int fd)
{
	struct unit_root root;
	struct stat status;
	ssize_t n;

	if (fstat(fd, &status))
		return -errno;
	if (!status.st_size)
		return 1;
	n = fd_pread_full(fd, &root, sizeof(root), 0);
	if (n < 0)
		return (int)n;
	/* No magic: nothing was published yet. */
	return n == sizeof(root) && status.st_size == sizeof(struct unit_memory) &&
	       (!root.magic || is_root_known(&root));
}

int unit_set_key(struct unit *unit, struct envelope_key *data_key, uint64_t instance)
{
	uint8_t bytes[GCM_KEY_SIZE];
	size_t length;
	int r;

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	unit->data_key = data_key;
	unit->instance = instance;
	unit->nonce = 0;
	gcm_done(&unit->key);
	r = gcm_init(&unit->key, bytes);
	if (!r)
		r = envelope_seal(data_key, ENVELOPE_UNIT_KEY, instance, bytes, sizeof(bytes),
				  unit->sealed_key, sizeof(unit->sealed_key), &length);
	secret_wipe(bytes, sizeof(bytes));
	return r;
}

void *unit_contexts(struct unit *unit)
{
	return unit->memory->contexts;
}

void unit_unmap(struct unit *unit)
{
	if (unit->memory)
		munmap(unit->memory, sizeof(struct unit_memory));
	gcm_done(&unit->key);
	*unit = (struct unit){ 0 };
}

static struct unit_head *head_of(const struct unit *unit, uint64_t number)
{
	return &unit->memory->head[number & 1];
}

static const char *clear_fault(const struct clear *clear, uint64_t number)
{
	if (clear->number != number)
		return "the unit has another number than the root";
	if (clear->area > 1 || clear->ended > 1)
		return "the unit's head has a value out of range";
	if (!clear->generation)
		return "the unit has no generation";
	if (clear->envelope_length <= ENVELOPE_OVERHEAD ||
	    clear->envelope_length > UNIT_ENVELOPE_MAX)
		return "the unit's permanent state has an impossible size";
	if (!clear->volatile_length || clear->volatile_length > UNIT_VOLATILE_MAX)
		return "the unit's volatile state has an impossible size";
	if (clear->tables_length > UNIT_TABLES_MAX)
		return "the unit's tables have an impossible size";
	if (clear->answer_length > UNIT_ANSWER_MAX)
		return "the unit's answer has an impossible size";
	if (!clear->id != !clear->answer_length)
		return "the unit has a request without an answer, or the reverse";
	return NULL;
}

/* Volatile state, tables and answer. */
static int open_message(struct gcm *key, const struct unit_memory *memory,
			const struct clear *clear, struct unit_plain *plain)
{
	const struct unit_head *head = &memory->head[clear->number & 1];
	const struct gcm_part parts[] = {
		{ memory->volatile_state[clear->number & 1], plain->volatile_state,
		  clear->volatile_length },
		{ memory->tables[clear->number & 1], plain->tables, clear->tables_length },
		{ head->answer, plain->answer, clear->answer_length },
	};
	uint8_t nonce[GCM_NONCE_SIZE];

	plain->volatile_length = clear->volatile_length;
	plain->tables_length = clear->tables_length;
	plain->answer_length = clear->answer_length;
	plain->id = clear->id;
	gcm_nonce(nonce, clear->nonce);
	return gcm_open(key, nonce, clear, sizeof(*clear), parts, 3, head->tag);
}

/* The commands behind it. The last one's answer is the unit's then. */
static int open_log(struct gcm *key, const struct unit_memory *memory, const struct clear *clear,
		    struct unit_plain *plain)
{
	const struct unit_head *head = &memory->head[clear->number & 1];
	struct unit_entry entry;
	struct cursor_in in;
	int r;

	r = unit_log_open(&memory->log[clear->number & 1], clear->number, head->tag, key,
			  plain->log, &plain->log_length);
	if (r)
		return r;
	in = cursor_in(plain->log, plain->log_length);
	while (unit_log_next(&in, &entry)) {
		plain->id = entry.id;
		plain->answer_length = entry.id ? entry.answer_length : 0;
		if (!cursor_copy(plain->answer, sizeof(plain->answer), entry.answer,
				 plain->answer_length))
			return -EBADMSG;
	}
	return 0;
}

static int open_with_its_key(const struct unit *unit, const struct clear *clear,
			     struct unit_plain *plain, const char **ret_reason)
{
	uint8_t bytes[GCM_KEY_SIZE];
	struct gcm key;
	size_t length;
	int r;

	r = envelope_open(unit->data_key, ENVELOPE_UNIT_KEY, clear->instance, clear->key,
			  sizeof(clear->key), bytes, sizeof(bytes), &length, ret_reason);
	if (r)
		return r;
	r = gcm_init(&key, bytes);
	secret_wipe(bytes, sizeof(bytes));
	if (!r)
		r = open_message(&key, unit->memory, clear, plain);
	if (r == -EBADMSG)
		*ret_reason = "the unit was changed";
	if (!r) {
		r = open_log(&key, unit->memory, clear, plain);
		if (r == -EBADMSG)
			*ret_reason = "the log behind the unit was changed";
	}
	gcm_done(&key);
	return r;
}

static int open_number(const struct unit *unit, uint64_t number, struct unit_plain *plain,
		       const char **ret_reason)
{
	struct clear clear = head_of(unit, number)->clear;
	const uint8_t *envelope;
	const char *fault;
	int r;

	fault = clear_fault(&clear, number);
	if (fault) {
		*ret_reason = fault;
		return -EBADMSG;
	}
	r = open_with_its_key(unit, &clear, plain, ret_reason);
	if (r)
		return r;
	envelope = unit->memory->envelope[clear.area];
	if (!secret_equal(envelope + clear.envelope_length - GCM_TAG_SIZE, clear.envelope_tag,
			  GCM_TAG_SIZE)) {
		*ret_reason = "the unit has another permanent state than it says";
		return -EBADMSG;
	}
	return envelope_open(unit->data_key, ENVELOPE_PERMANENT, clear.generation, envelope,
			     clear.envelope_length, plain->permanent, sizeof(plain->permanent),
			     &plain->permanent_length, ret_reason);
}

/* Not by malloc(): once in a while, large, and given back at once. */
int unit_plain_new(struct unit_plain **ret)
{
	struct unit_plain *plain = mmap(NULL, sizeof(*plain), PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (plain == MAP_FAILED)
		return -ENOMEM;
	*ret = plain;
	return 0;
}

static int open_into_memory(const struct unit *unit, uint64_t number, struct unit_plain **ret,
			    const char **ret_reason)
{
	struct unit_plain *plain;
	int r;

	r = unit_plain_new(&plain);
	if (r)
		return r;
	r = open_number(unit, number, plain, ret_reason);
	if (r)
		unit_close(&plain);
	else
		*ret = plain;
	return r;
}

int unit_open(struct unit *unit, struct unit_plain **ret, const char **ret_reason)
{
	return open_into_memory(unit, unit->number, ret, ret_reason);
}

void unit_close(struct unit_plain **plain)
{
	if (!*plain)
		return;
	secret_wipe((*plain)->permanent, (*plain)->permanent_length);
	secret_wipe((*plain)->volatile_state, (*plain)->volatile_length);
	secret_wipe((*plain)->tables, (*plain)->tables_length);
	secret_wipe((*plain)->answer, sizeof((*plain)->answer));
	secret_wipe((*plain)->log, (*plain)->log_length);
	munmap(*plain, sizeof(**plain));
	*plain = NULL;
}

/* Or of the next epoch, to which the data key goes with it. */
static int open_current(struct unit *unit, uint64_t number, struct unit_plain **ret,
			const char **ret_reason)
{
	const char *reason;
	int r = open_into_memory(unit, number, ret, ret_reason);

	if (r != -EBADMSG)
		return r;
	unit->data_key->epoch++;
	r = open_into_memory(unit, number, ret, &reason);
	if (r)
		unit->data_key->epoch--;
	return r;
}

enum unit_state unit_check(struct unit *unit, const char **ret_reason)
{
	struct unit_plain *plain = NULL;
	const struct unit_root *root;
	uint64_t sealed, number;
	int r;

	if (unit->misfit) {
		*ret_reason = "the checkpoint memory has an unknown size";
		return UNIT_BROKEN;
	}

	root = &unit->memory->root;
	sealed = atomic_load_explicit(&unit->memory->root.number, memory_order_acquire);
	number = sealed & NUMBER_MASK;
	/* Virgin, or died while it wrote the root for the first time: the magic comes last. */
	if (!sealed && !root->magic)
		return UNIT_NONE;

	if (!is_root_known(root)) {
		*ret_reason = "the checkpoint memory is not of this engine's kind";
		return UNIT_BROKEN;
	}
	if (!sealed)
		return UNIT_NONE; /* died before its first publish */
	if (sealed != sealed_number(number)) {
		*ret_reason = "the number of the current unit was changed";
		return UNIT_BROKEN;
	}

	r = open_current(unit, number, &plain, ret_reason);
	if (r)
		return r == -EBADMSG ? UNIT_BROKEN : UNIT_UNREAD;
	unit->number = number;
	unit->id = plain->id;
	unit->grows = false;
	unit_close(&plain);
	return UNIT_WHOLE;
}

struct unit_label unit_label(const struct unit *unit)
{
	const struct clear *clear = &head_of(unit, unit->number)->clear;

	return (struct unit_label){
		.instance = clear->instance,
		.generation = clear->generation,
		.ended = clear->ended,
		.envelope = unit->memory->envelope[clear->area],
		.envelope_length = clear->envelope_length,
	};
}

static void flip(struct unit *unit, uint64_t number, uint64_t id)
{
	atomic_store_explicit(&unit->memory->root.number, sealed_number(number),
			      memory_order_release);
	unit->number = number;
	unit->id = id;
	unit->grows = false;
}

/* The permanent state: a new one, one that is sealed already, or that of before. */
static int fill_envelope(struct unit *unit, const struct unit_content *content, struct clear *clear)
{
	const struct clear *last = &head_of(unit, unit->number)->clear;
	size_t length = content->envelope_length;
	uint8_t *to;
	int r = 0;

	clear->area = unit->number ? last->area : 0;
	if (content->permanent || content->envelope)
		clear->area = !clear->area;
	to = unit->memory->envelope[clear->area];

	if (content->permanent)
		r = envelope_seal(unit->data_key, ENVELOPE_PERMANENT, content->generation,
				  content->permanent, content->permanent_length, to,
				  UNIT_ENVELOPE_MAX, &length);
	else if (content->envelope)
		cursor_copy(to, UNIT_ENVELOPE_MAX, content->envelope, length);
	else
		length = last->envelope_length;
	if (r)
		return r;
	clear->envelope_length = (uint32_t)length;
	cursor_copy(clear->envelope_tag, GCM_TAG_SIZE, to + length - GCM_TAG_SIZE, GCM_TAG_SIZE);
	return 0;
}

static int fill(struct unit *unit, uint64_t number, const struct unit_content *content)
{
	struct unit_memory *memory = unit->memory;
	struct unit_head *head = head_of(unit, number);
	const struct gcm_part parts[] = {
		{ content->volatile_state, memory->volatile_state[number & 1],
		  content->volatile_length },
		{ content->tables, memory->tables[number & 1], content->tables_length },
		{ content->answer, head->answer, content->answer_length },
	};
	struct clear clear = {
		.number = number,
		.instance = unit->instance,
		.generation = content->generation,
		.id = content->id,
		.nonce = ++unit->nonce,
		.ended = content->ended,
		.volatile_length = (uint32_t)content->volatile_length,
		.tables_length = (uint32_t)content->tables_length,
		.answer_length = (uint32_t)content->answer_length,
	};
	uint8_t nonce[GCM_NONCE_SIZE];
	int r;

	/* Until all is there, this half belongs to no number. */
	head->clear.number = 0;
	atomic_signal_fence(memory_order_release);

	unit_log_clear(&memory->log[number & 1], number);
	cursor_copy(clear.key, sizeof(clear.key), unit->sealed_key, sizeof(unit->sealed_key));
	r = fill_envelope(unit, content, &clear);
	if (r)
		return r;
	gcm_nonce(nonce, clear.nonce);
	r = gcm_seal(&unit->key, nonce, &clear, sizeof(clear), parts, 3, head->tag);
	if (r)
		return r;

	clear.number = 0;
	head->clear = clear;
	atomic_signal_fence(memory_order_release);
	head->clear.number = number;
	return 0;
}

int unit_publish(struct unit *unit, const struct unit_content *content)
{
	struct unit_root *root = &unit->memory->root;
	int r;

	if (content->permanent_length > UNIT_PERMANENT_MAX ||
	    content->envelope_length > UNIT_ENVELOPE_MAX ||
	    content->volatile_length > UNIT_VOLATILE_MAX ||
	    content->tables_length > UNIT_TABLES_MAX || content->answer_length > UNIT_ANSWER_MAX)
		return -EFBIG;
	if (!content->permanent && !content->envelope && !unit->number)
		return -EINVAL;

	if (!root->magic) {
		root->version = UNIT_VERSION;
		root->size = sizeof(struct unit_memory);
		atomic_signal_fence(memory_order_release);
		root->magic = UNIT_MAGIC;
	}
	r = fill(unit, unit->number + 1, content);
	if (r)
		return r;
	flip(unit, unit->number + 1, content->id);
	unit->grows = !content->ended;
	unit->end.length = 0;
	cursor_copy(unit->end.tag, GCM_TAG_SIZE, head_of(unit, unit->number)->tag, GCM_TAG_SIZE);
	return 0;
}

int unit_append(struct unit *unit, const struct unit_entry *entry)
{
	int r;

	if (!unit->grows)
		return UNIT_E_FULL;
	r = unit_log_append(&unit->memory->log[unit->number & 1], unit->number, &unit->end,
			    &unit->key, ++unit->nonce, entry);
	if (!r)
		unit->id = entry->id;
	return r;
}

int unit_back(struct unit *unit)
{
	struct unit_plain *plain = NULL;
	const char *reason;
	uint64_t id;

	if (unit->number < 2 || open_into_memory(unit, unit->number - 1, &plain, &reason))
		return -ENOENT;
	id = plain->id;
	unit_close(&plain);
	flip(unit, unit->number - 1, id);
	return 0;
}
