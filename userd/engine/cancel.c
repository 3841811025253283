// SPDX-License-Identifier: BSD-3-Clause
/*
 * Stopping a command that nobody waits for any more.
 *
 * The driver sends SIGIO when the client of the running request has gone. A signal may come
 * late, when the next client's command runs already; so the handler asks the driver
 * whether what runs now is wanted, and only then tells libtpms to stop. The question is
 * about one request, since an engine has one at a time, and its answer cannot change
 * while the handler runs: this thread is the one that fetches.
 *
 * libtpms forgets the order when the next command begins, and heeds it in the search
 * for an RSA key alone, which is what takes long. A command that was stopped answers
 * TPM_RC_CANCELED and has changed nothing.
 */
#include "engine/engine.h"

#include <errno.h>
#include <signal.h>

#include "engine/tpmlib.h"

static const struct link *watched;

static void on_sigio(int number)
{
	int saved = errno;

	(void)number;
	if (link_abandoned(watched))
		tpmlib_cancel();
	errno = saved;
}

int engine_cancel_abandoned(const struct link *link)
{
	/* SA_RESTART: nothing but the command shall notice. */
	struct sigaction action = { .sa_handler = on_sigio, .sa_flags = SA_RESTART };
	sigset_t sigio;

	watched = link;
	if (sigaction(SIGIO, &action, NULL))
		return -errno;
	sigemptyset(&sigio);
	sigaddset(&sigio, SIGIO);
	if (sigprocmask(SIG_UNBLOCK, &sigio, NULL))
		return -errno;
	return link_watch(link);
}
