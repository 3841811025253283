// SPDX-License-Identifier: BSD-3-Clause
/*
 * See the header.
 */
#include "keyd/passed.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "attest/ruling.h"

/* Clocks of hosts differ a little. */
#define SLACK 300

int passed_check(const struct passed *passed, X509 *by, const char *host, struct reason *reason)
{
	const char *again = "have it judged again with vtpmctl host attest --to there";
	struct ruling ruling;
	int64_t now = time(NULL);
	int r;

	r = ruling_read(&ruling, by, passed->text.at, passed->text.length, passed->signature.at,
			passed->signature.length);
	if (r == -EKEYREJECTED)
		return refuse(reason, -EACCES, "the verdict is not signed by the fleet's CA: %s",
			      again);
	if (r)
		return refuse(reason, r, "what the fleet's CA signed is no verdict: %s", again);
	if (strcmp(ruling.host, host) != 0)
		return refuse(reason, -EACCES, "the verdict is not about the host %s: %s", host,
			      again);
	if (ruling.status != ATTEST_PASSED)
		return refuse(reason, -EPERM, "the host %s has not passed: mend it, and %s", host,
			      again);
	if (now > ruling.valid_until || ruling.verified_at > now + SLACK)
		return refuse(reason, -ETIME, "the verdict about the host %s is over: %s", host,
			      again);
	return 0;
}
