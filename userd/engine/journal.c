// SPDX-License-Identifier: BSD-3-Clause
/*
 * The journal's memory, and the order in which it is written; see the header.
 *
 * One word says which answer is here and how long it is, so that there is no moment with
 * the one and not the other. Before a new answer is written the word says that there is
 * nothing to send. The same word says which of two places the command to come is read into:
 * before it goes on to the next one, that one has been made empty, or given what the
 * client has sent behind the command that is answered. How often a command was begun is said
 * with that place: with the word it is forgotten, not before and not later.
 * With a connection an id is given up:
 * the unit may name the command that was begun on it, and that one's answer is not for the next
 * connection.
 *
 * How much was read of a command, and sent of an answer, is written here by the kernel:
 * recvmmsg() and sendmmsg() put it into the message's own head before they return, and no
 * process dies inside. For each part another head is made; the larger of what the two
 * say is what was moved, at each moment. That is why the heads lie in this memory. Their
 * addresses mean nothing to the next engine, which makes them anew.
 *
 * The answer has pages of its own at the end, as many as the longest one needs.
 */
#include "engine/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/falloc.h>
#include <linux/vtpm.h>

#include "base/cursor.h"
#include "base/secret.h"

#define MAGIC 0x76747075786a7233ull

/* A part on its way: @message.msg_len bytes of those from @from on were moved. */
struct part {
	uint32_t from;
	struct iovec bytes;
	struct mmsghdr message;
};

struct progress {
	struct part parts[2];
};

/* What has come of a command. */
struct question {
	struct progress got;
	uint8_t bytes[VTPM_COMMAND_SIZE];
};

struct journal_memory {
	uint64_t magic;
	_Atomic uint64_t word; /* id << LENGTH_BITS | length */
	uint16_t begun[2];     /* how often a question's command has been begun */
	struct ctrl_note note;
	struct progress sent;
	struct question questions[2]; /* that of an id is number id % 2 */
	_Alignas(4096) uint8_t answer[];
};

/* The ids' 44 bits last for years of a command every ten microseconds. */
#define LENGTH_BITS 20

_Static_assert(CTRL_RESPONSE_MAX < 1 << LENGTH_BITS, "any answer's length has its bits");

static size_t file_size(const struct journal *journal)
{
	return sizeof(struct journal_memory) + journal->room;
}

static uint64_t id_of(uint64_t word)
{
	return word >> LENGTH_BITS;
}

static size_t length_of(const struct journal *journal, uint64_t word)
{
	size_t length = word & ((1u << LENGTH_BITS) - 1);

	return length <= journal->room ? length : 0;
}

static uint64_t word_of(uint64_t id, size_t length)
{
	return id << LENGTH_BITS | length;
}

static void set(struct journal *journal, uint64_t word)
{
	atomic_store_explicit(&journal->memory->word, word, memory_order_release);
}

static uint64_t get(const struct journal *journal)
{
	return atomic_load_explicit(&journal->memory->word, memory_order_acquire);
}

static size_t end_of(const struct part *part)
{
	return (size_t)part->from + part->message.msg_len;
}

static size_t moved(const struct progress *progress)
{
	const struct part *parts = progress->parts;

	return end_of(&parts[0]) > end_of(&parts[1]) ? end_of(&parts[0]) : end_of(&parts[1]);
}

/* For @length bytes at @bytes, the first of which is number @from. */
static struct mmsghdr *begin_part(struct progress *progress, size_t from, void *bytes,
				  size_t length)
{
	struct part *part =
		&progress->parts[end_of(&progress->parts[0]) > end_of(&progress->parts[1])];

	part->message = (struct mmsghdr){ .msg_hdr = { .msg_iov = &part->bytes, .msg_iovlen = 1 } };
	part->bytes = (struct iovec){ bytes, length };
	/* Only what is behind the other one's end may be said, and not before that is so. */
	atomic_signal_fence(memory_order_release);
	part->from = (uint32_t)from;
	return &part->message;
}

static void restart(struct progress *progress)
{
	for (int i = 0; i < 2; i++) {
		progress->parts[i].message.msg_len = 0;
		progress->parts[i].from = 0;
	}
}

static struct question *question_of(const struct journal *journal, uint64_t id)
{
	return &journal->memory->questions[id & 1];
}

/* A head that was broken by somebody may say anything. */
static size_t at_hand(const struct question *question)
{
	size_t have = moved(&question->got);

	return have <= sizeof(question->bytes) ? have : 0;
}

static void forget(struct journal *journal)
{
	secret_wipe(journal->memory->answer, length_of(journal, get(journal)));
}

/* Of the id after the next one, with what follows the first @used bytes of the next one's. */
static void prepare_question(struct journal *journal, size_t used)
{
	uint64_t id = id_of(get(journal)) + 1;
	const struct question *from = question_of(journal, id);
	struct question *to = question_of(journal, id + 1);
	size_t have = at_hand(from);

	journal->memory->begun[(id + 1) & 1] = 0;
	restart(&to->got);
	if (have > used && cursor_copy(to->bytes, sizeof(to->bytes), from->bytes + used,
				       have - used))
		to->got.parts[0].from = (uint32_t)(have - used);
}

/* No page is made by that. */
static int clear(const struct journal *journal, off_t from, off_t length)
{
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	return fallocate(journal->fd, mode, from, length) ? -errno : 0;
}

static int map(struct journal *journal)
{
	const off_t size = (off_t)file_size(journal), head = sizeof(struct journal_memory);
	struct journal_memory *memory;
	struct stat status;
	off_t answered;
	int r;

	if (fstat(journal->fd, &status))
		return -errno;
	if (!status.st_size && ftruncate(journal->fd, size))
		return -errno;
	if (status.st_size && status.st_size != size)
		return -EBADMSG;
	memory = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, journal->fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	journal->memory = memory;
	if (memory->magic && memory->magic != MAGIC)
		return -EBADMSG;
	memory->magic = MAGIC;
	answered = question_of(journal, id_of(get(journal)))->bytes - (uint8_t *)memory;
	/* Who had sent it, or was writing another, may have died before he forgot it. */
	r = journal_is_sent(journal) ? clear(journal, head, size - head) : 0;
	/* So may who had answered this one. */
	return r ? r : clear(journal, answered, VTPM_COMMAND_SIZE);
}

int journal_open(struct journal *journal, int fd, const int pocket[2], size_t room)
{
	int r;

	*journal = (struct journal)JOURNAL_NONE;
	journal->own = fd < 0;
	journal->room = room;
	journal->fd = fd < 0 ? memfd_create("vtpm-journal", MFD_CLOEXEC) : fd;
	if (journal->fd < 0)
		return -errno;
	if (pocket) {
		journal->pocket[0] = pocket[0];
		journal->pocket[1] = pocket[1];
	}
	r = map(journal);
	if (r)
		journal_close(journal);
	return r;
}

void journal_close(struct journal *journal)
{
	if (journal->memory)
		munmap(journal->memory, file_size(journal));
	if (journal->own && journal->fd >= 0)
		close(journal->fd);
	*journal = (struct journal)JOURNAL_NONE;
}

/* Look at, or take out, what is in the pocket. */
static int reach(const struct journal *journal, int flags)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte;
	struct iovec io = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *head;
	int fd = -1;

	if (journal->pocket[1] < 0 ||
	    recvmsg(journal->pocket[1], &message, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
		return -1;
	head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(fd)))
		cursor_copy(&fd, sizeof(fd), CMSG_DATA(head), sizeof(fd));
	return fd;
}

int journal_kept(const struct journal *journal)
{
	return reach(journal, MSG_PEEK);
}

int journal_keep(const struct journal *journal, int client)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec io = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	if (journal->pocket[0] < 0)
		return 0;
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(client));
	cursor_copy(CMSG_DATA(&control.head), sizeof(client), &client, sizeof(client));
	return sendmsg(journal->pocket[0], &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 0 : -errno;
}

void journal_drop(struct journal *journal)
{
	uint64_t id = id_of(get(journal)) + 1;
	int fd;

	/* Nobody is left to send it to. */
	forget(journal);
	set(journal, word_of(id - 1, 0));
	prepare_question(journal, VTPM_COMMAND_SIZE);
	set(journal, word_of(id, 0));
	secret_wipe(question_of(journal, id)->bytes, VTPM_COMMAND_SIZE);
	while ((fd = reach(journal, 0)) >= 0)
		close(fd);
}

int journal_read(struct journal *journal, int client)
{
	struct question *question = question_of(journal, id_of(get(journal)) + 1);
	size_t have = at_hand(question);
	struct mmsghdr *message = begin_part(&question->got, have, question->bytes + have,
					     sizeof(question->bytes) - have);

	if (recvmmsg(client, message, 1, MSG_DONTWAIT, NULL) != 1)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return message->msg_len ? 0 : -EPIPE;
}

size_t journal_command(const struct journal *journal, uint8_t *to, size_t room)
{
	const struct question *question = question_of(journal, id_of(get(journal)) + 1);
	size_t have = at_hand(question);

	return cursor_copy(to, room, question->bytes, have) ? have : 0;
}

bool journal_begin(struct journal *journal, uint64_t *ret_id)
{
	uint64_t id = id_of(get(journal)) + 1;

	*ret_id = journal->own ? 0 : id;
	return journal->memory->begun[id & 1]++ < JOURNAL_POISON_DEATHS;
}

int journal_answer(struct journal *journal, const uint8_t *answer, size_t length, size_t command)
{
	struct journal_memory *memory = journal->memory;
	uint64_t id = id_of(get(journal)) + 1;
	struct question *question = question_of(journal, id);

	set(journal, word_of(id - 1, 0));
	if (!cursor_copy(memory->answer, journal->room, answer, length))
		return -EMSGSIZE;
	restart(&memory->sent);
	prepare_question(journal, command);
	set(journal, word_of(id, length));
	secret_wipe(question->bytes, at_hand(question));
	return 0;
}

bool journal_is_sent(const struct journal *journal)
{
	return moved(&journal->memory->sent) >= length_of(journal, get(journal));
}

int journal_send(struct journal *journal, int client)
{
	struct journal_memory *memory = journal->memory;
	size_t end = length_of(journal, get(journal)), at;

	while ((at = moved(&memory->sent)) < end) {
		if (sendmmsg(client, begin_part(&memory->sent, at, memory->answer + at, end - at),
			     1, MSG_NOSIGNAL) != 1)
			return -errno;
	}
	secret_wipe(memory->answer, end);
	return 0;
}

bool journal_is_begun(const struct journal *journal)
{
	return journal->memory && journal->memory->begun[(id_of(get(journal)) + 1) & 1];
}

struct ctrl_note *journal_note(const struct journal *journal)
{
	return journal->memory ? &journal->memory->note : NULL;
}
