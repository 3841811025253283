// SPDX-License-Identifier: BSD-3-Clause
/*
 * Commands: one table, from which the command is found and the help is made.
 */
#include "verifier/verifier.h"

#include <stdio.h>
#include <string.h>

/**
 * struct command - a command
 * @name: what it is called
 * @usage: its arguments and options
 * @summary: what it does, on a line
 * @files: arguments that it takes
 * @run: do it
 */
struct command {
	const char *name;
	const char *usage;
	const char *summary;
	size_t files;
	enum verifier_exit (*run)(const struct verifier *verifier, const char *path);
};

static const struct command commands[] = {
	{ "eventlog", "FILE [--pcrs FILE] [--json]",
	  "appraise an event log of the firmware (binary_bios_measurements)", 1,
	  verifier_eventlog },
	{ "ima", "FILE [--pcrs FILE] [--json]",
	  "appraise a log of IMA (binary_runtime_measurements)", 1, verifier_ima },
	{ "quote", "--msg FILE --sig FILE --ak FILE [--pcrs FILE] [--nonce HEX|FILE] [--ek FILE] [--json]",
	  "check a quote of a TPM", 0, verifier_quote },
	{ "ekcert", "FILE [--ca PATH]... [--chain PATH] [--crl FILE] [--ek FILE] [--json]",
	  "check the certificate of an endorsement key", 1, verifier_ekcert },
	{ "ca", "init|crl --config FILE", "make the fleet's CA, or print what it took back", 1,
	  verifier_ca },
	{ "grant", "ROLE NAME --config FILE",
	  "print a bearer of a viewer, operator or admin, or an enrol token for a host", 2,
	  verifier_grant },
	{ "hosts", "--config FILE [--json]", "all hosts, and which have a share here", 0,
	  verifier_hosts },
	{ "share", "show|revoke HOST --config FILE [--json]",
	  "the share of a host's root key that is kept here", 2, verifier_share },
	{ "serve", "--config FILE", "answer hosts and people over HTTPS", 0, verifier_serve },
	{ "report", "--config FILE [--format FORMAT] [-e] [--output FILE] | --verify FILE --trust FILE",
	  "the security report of all hosts", 0, verifier_report },
	{ "appraise", "BUNDLE --policy FILE [--host FILE] [--ima-policy FILE] [--nonce HEX|FILE] [--ca PATH]... [--files] "
	  "[--json]",
	  "appraise all evidence of a host", 1, verifier_appraise },
	{ "learn", "BUNDLE [--nonce HEX|FILE] [--ca PATH]...",
	  "print the policy that this very host meets", 1, verifier_learn },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static enum verifier_exit help(void)
{
	printf("Usage: vtpm-verify COMMAND [ARGUMENT...] [OPTION...]\n\nCommands:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %s %s\n      %s\n", commands[i].name, commands[i].usage,
		       commands[i].summary);
	verifier_options_help();
	printf("\nExit status: 0 passed, 1 failed, 2 malformed or unreadable evidence,\n"
	       "3 usage or internal error, 4 warning, 5 unknown or n/a. See vtpm-verify(1).\n");
	return VERIFIER_EXIT_PASSED;
}

static enum verifier_exit refuse(const char *what, const char *which)
{
	fprintf(stderr, "vtpm-verify: %s%s: see vtpm-verify --help\n", what, which);
	return VERIFIER_EXIT_USAGE;
}

enum verifier_exit verifier_command_run(const struct verifier *verifier)
{
	if (verifier->version) {
		printf("vtpm-verify %s\n", VERIFIER_VERSION);
		return VERIFIER_EXIT_PASSED;
	}
	if (verifier->help)
		return help();
	if (!verifier->word_count)
		return refuse("no command is given", "");
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(verifier->words[0], commands[i].name) != 0)
			continue;
		if (verifier->word_count != 1 + commands[i].files)
			return refuse("too many or too few arguments of ", commands[i].name);
		return commands[i].run(verifier, verifier->words[1]);
	}
	return refuse("there is no command ", verifier->words[0]);
}
