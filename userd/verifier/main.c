// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpm-verify: birth and death.
 *
 * This process is trusted with a judgement: it reads evidence of hosts that may lie, and
 * says whether to believe them. It has no key and needs no TPM; what it must not do is
 * crash, or call a lie the truth.
 */
#include "verifier/verifier.h"

#include <stdio.h>

/* A verdict that got lost must not look like one that was given. */
static enum verifier_exit flush(enum verifier_exit status)
{
	if (!ferror(stdout) && !fflush(stdout))
		return status;
	fprintf(stderr, "vtpm-verify: the verdict cannot be printed: see where the output goes\n");
	return VERIFIER_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct verifier verifier;
	enum verifier_exit status = verifier_options_parse(&verifier, argc, argv);

	return status ? status : flush(verifier_command_run(&verifier));
}
