// SPDX-License-Identifier: BSD-3-Clause
/*
 * The journal's memory, and the order in which it is written; see the header.
 *
 *	page 0		what struct journal_memory says
 *	then		places of as many pages as the longest answer needs; the answer
 *			whose id is n has place n, modulo ANSWERS
 *
 * One word says which answer is here and how long it is, so that there is no moment with
 * the one and not the other. Before a new answer is written the word says that there is
 * nothing to send; only then does the offset move to the new one's page. With
 * a connection an id is given up: the unit may name the command that was begun on it, and
 * that one's answer is not for the next connection.
 *
 * sendfile() to a Unix socket does not copy: until the client has read, the socket
 * refers to the page. So no page is ever written twice: a hole is punched where an answer was, by
 * which the file forgets the page, and the socket does not.
 */
#include "engine/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/falloc.h>
#include <linux/vtpm.h>

#include "base/cursor.h"

#define MAGIC 0x76747075786a726eull

struct journal_memory {
	uint64_t magic;
	_Atomic uint64_t word; /* id << LENGTH_BITS | length */
	uint32_t begun;	       /* how often the command behind @word's has been begun */
	struct ctrl_note note;
};

/* The ids' 44 bits last for years of a command every ten microseconds. */
#define LENGTH_BITS 20
#define PAGE	    4096
#define ANSWERS	    32

_Static_assert(CTRL_RESPONSE_MAX < 1 << LENGTH_BITS, "any answer's length has its bits");

static size_t place_size(const struct journal *journal)
{
	return (journal->room + PAGE - 1) / PAGE * PAGE;
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

static off_t place_of(const struct journal *journal, uint64_t id)
{
	return (off_t)(PAGE + place_size(journal) * (id % ANSWERS));
}

static void set(struct journal *journal, uint64_t word)
{
	atomic_store_explicit(&journal->memory->word, word, memory_order_release);
}

static uint64_t get(const struct journal *journal)
{
	return atomic_load_explicit(&journal->memory->word, memory_order_acquire);
}

static off_t sent_to(const struct journal *journal)
{
	return lseek(journal->fd, 0, SEEK_CUR);
}

static off_t end_of(const struct journal *journal, uint64_t word)
{
	return place_of(journal, id_of(word)) + (off_t)length_of(journal, word);
}

static void forget(struct journal *journal)
{
	fallocate(journal->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		  place_of(journal, id_of(get(journal))), (off_t)place_size(journal));
}

static int map(struct journal *journal)
{
	struct journal_memory *memory;
	off_t size = place_of(journal, 0) + (off_t)place_size(journal) * ANSWERS;
	struct stat status;

	if (fstat(journal->fd, &status))
		return -errno;
	if (!status.st_size && ftruncate(journal->fd, size))
		return -errno;
	if (status.st_size && status.st_size != size)
		return -EBADMSG;
	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, journal->fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	journal->memory = memory;
	if (memory->magic && memory->magic != MAGIC)
		return -EBADMSG;
	memory->magic = MAGIC;
	/* Who had sent it may have died before he forgot it. */
	if (journal_is_sent(journal))
		forget(journal);
	return 0;
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
		munmap(journal->memory, PAGE);
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
	int fd;

	/* Nobody is left to send it to: first this, or the next one gets it. */
	set(journal, word_of(id_of(get(journal)), 0));
	forget(journal);
	set(journal, word_of(id_of(get(journal)) + 1, 0));
	journal->memory->begun = 0;
	while ((fd = reach(journal, 0)) >= 0)
		close(fd);
}

bool journal_begin(struct journal *journal, uint64_t *ret_id)
{
	*ret_id = journal->own ? 0 : id_of(get(journal)) + 1;
	return journal->memory->begun++ < JOURNAL_POISON_DEATHS;
}

int journal_answer(struct journal *journal, const uint8_t *answer, size_t length)
{
	uint64_t id = id_of(get(journal)) + 1;

	set(journal, word_of(id - 1, 0));
	if (lseek(journal->fd, place_of(journal, id), SEEK_SET) < 0 ||
	    pwrite(journal->fd, answer, length, place_of(journal, id)) != (ssize_t)length)
		return -EIO;
	/* Before the word: a death between may forgive one, but never blames the next command. */
	journal->memory->begun = 0;
	set(journal, word_of(id, length));
	return 0;
}

bool journal_is_sent(const struct journal *journal)
{
	uint64_t word = get(journal);

	return !length_of(journal, word) || sent_to(journal) >= end_of(journal, word);
}

int journal_send(struct journal *journal, int client)
{
	off_t end = end_of(journal, get(journal)), at = sent_to(journal);

	while (at < end) {
		ssize_t n = sendfile(client, journal->fd, NULL, (size_t)(end - at));

		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		at += n;
	}
	forget(journal);
	return 0;
}

bool journal_is_begun(const struct journal *journal)
{
	return journal->memory && journal->memory->begun;
}

struct ctrl_note *journal_note(const struct journal *journal)
{
	return journal->memory ? &journal->memory->note : NULL;
}
