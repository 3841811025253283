// SPDX-License-Identifier: BSD-3-Clause
/*
 * Asking. Secrets are read by read(2) into the locked mapping; no stdio buffer ever
 * holds one.
 */
#include "cli/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/secret.h"

/* Memory */

struct secrets *secrets_new(void)
{
	struct secrets *secrets = mmap(NULL, sizeof(*secrets), PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (secrets == MAP_FAILED)
		return NULL;
	/* Where a limit forbids it the secret is still better used than lost. */
	mlock(secrets, sizeof(*secrets));
	madvise(secrets, sizeof(*secrets), MADV_DONTDUMP);
	madvise(secrets, sizeof(*secrets), MADV_WIPEONFORK);
	return secrets;
}

struct secrets *secrets_free(struct secrets *secrets)
{
	if (!secrets)
		return NULL;
	secret_wipe(secrets, sizeof(*secrets));
	munmap(secrets, sizeof(*secrets));
	return NULL;
}

/* Reading */

static int read_line(int fd, char ret[ASK_SIZE])
{
	size_t used = 0;
	ssize_t n;

	while (used < ASK_SIZE) {
		n = read(fd, ret + used, 1);
		if (n < 0)
			return -errno;
		if (!n || ret[used] == '\n')
			break;
		if (!ret[used])
			return -ENODATA;
		used++;
	}
	if (used == ASK_SIZE)
		return -EMSGSIZE;
	ret[used] = '\0';
	return used ? 0 : -ENODATA;
}

int ask_fd(int fd, char ret[ASK_SIZE])
{
	int r = read_line(fd, ret);

	if (r)
		secret_wipe(ret, ASK_SIZE);
	return r;
}

/* The terminal */

static volatile sig_atomic_t caught;
static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static void on_signal(int number)
{
	caught = number;
}

/** struct old_signals - what signals did before the terminal was changed */
struct old_signals {
	struct sigaction actions[SIGNALS];
	sigset_t mask;
};

/* Not restarted: read() shall return, so that the echo comes back before we go. */
static void catch_signals(struct old_signals *ret_old)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t mask;

	caught = 0;
	sigemptyset(&mask);
	for (size_t i = 0; i < SIGNALS; i++) {
		sigaction(signals[i], &action, &ret_old->actions[i]);
		sigaddset(&mask, signals[i]);
	}
	sigprocmask(SIG_UNBLOCK, &mask, &ret_old->mask);
}

/* A caller that holds signals back gets this one when it lets them go. */
static void restore_signals(const struct old_signals *old)
{
	sigprocmask(SIG_SETMASK, &old->mask, NULL);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &old->actions[i], NULL);
	if (caught)
		raise(caught);
}

int ask_secret(const char *prompt, char ret[ASK_SIZE])
{
	_cleanup_(close_fdp) int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct old_signals old;
	struct termios was, silent;
	int r;

	if (fd < 0 || tcgetattr(fd, &was))
		return -ENOTTY;
	silent = was;
	silent.c_lflag &= (tcflag_t) ~(ECHO | ECHOE | ECHOK | ECHONL);
	silent.c_lflag |= ICANON | ISIG;
	catch_signals(&old);
	if (tcsetattr(fd, TCSAFLUSH, &silent)) {
		restore_signals(&old);
		return -ENOTTY;
	}
	r = write(fd, prompt, strlen(prompt)) < 0 ? -errno : read_line(fd, ret);
	/* A line that came in the same moment is none that was meant. */
	if (caught)
		r = -EINTR;
	/* What was too long must not become the next command of a shell. */
	if (r == -EMSGSIZE)
		tcflush(fd, TCIFLUSH);
	tcsetattr(fd, TCSAFLUSH, &was);
	if (write(fd, "\n", 1) < 0 && !r)
		r = -errno;
	if (r)
		secret_wipe(ret, ASK_SIZE);
	restore_signals(&old);
	return r;
}

bool ask_word(const char *prompt, const char *word)
{
	char typed[ASK_SIZE];

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return false;
	return write(STDERR_FILENO, prompt, strlen(prompt)) > 0 &&
	       !read_line(STDIN_FILENO, typed) && !strcmp(typed, word);
}
