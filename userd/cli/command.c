// SPDX-License-Identifier: BSD-3-Clause
/*
 * Commands: one table, from which the command is found and the help is made.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "cli/report.h"

#define ANYWHERE "runtime-dir json help version"

/**
 * struct command - a command
 * @words: what it is called; one word or two
 * @run: do it
 * @named: it takes the name of a vTPM
 * @options: those it takes besides those that stand anywhere
 * @usage: them, as a line of the help
 * @summary: what it does, on a line
 * @more: what else to know; NULL for nothing
 */
struct command {
	const char *words;
	enum cli_exit (*run)(struct cli *cli, const char *name);
	bool named;
	const char *options;
	const char *usage;
	const char *summary;
	const char *more;
};

static enum cli_exit help(struct cli *cli, const char *name);

static const struct command commands[] = {
	{ "host init", cli_host_init, false,
	  "no-hardware pcrs recovery-code-file recovery-code-fd owner-password-fd rollback window "
	  "plan-key",
	  "[--no-hardware] [--pcrs 7,14] [--recovery-code-file PATH | --recovery-code-fd N] "
	  "[--owner-password-fd N] [--rollback strict|lazy|off] [--window SECONDS] "
	  "[--plan-key FILE|none]",
	  "make the host root key, sealed to the host TPM",
	  "Makes a recovery code too, and shows it once. Without it nothing on this host can be\n"
	  "opened when the host TPM, its firmware or the boot chain has changed: keep it\n"
	  "elsewhere. It needs a terminal, or --recovery-code-file, or --recovery-code-fd." },
	{ "host show", cli_host_show, false, "", "", "show what the vTPMs of this host rest on",
	  NULL },
	{ "host unlock", cli_host_unlock, false,
	  "bind plan-key recovery-code-fd accept-rollback accept-move owner-password-fd",
	  "[--bind [--plan-key FILE]] [--accept-rollback] [--accept-move] [--recovery-code-fd N] "
	  "[--owner-password-fd N]",
	  "open the host root key with the recovery code",
	  "Asks for the code on the terminal, or reads it from a descriptor. A store that is not\n"
	  "the newest one stays locked unless it is accepted as it is." },
	{ "host rollback", cli_host_rollback, false, "rollback window recovery-code-fd",
	  "--rollback strict|lazy [--window SECONDS] [--recovery-code-fd N]",
	  "change how an older copy of the store is found out",
	  "Takes the recovery code, asked for on the terminal or read from a descriptor. Whether\n"
	  "the host is protected at all (off, or not) is chosen at `vtpmctl host init` alone." },
	{ "host upgrade", cli_host_upgrade, false, "", "",
	  "let the vtpm-spawn that is installed take over",
	  "vTPMs that run go on in its engines: PCRs, sessions and connections stay. Where it\n"
	  "cannot take over, the one that runs goes on." },
	{ "host attest", cli_host_attest, false,
	  "nonce pcrs output to ca event-log ima-log state-dir",
	  "--nonce DIGITS [--pcrs sha256:all] [--output FILE] | --to URL [--ca FILE]\n"
	  "       [--event-log FILE] [--ima-log FILE] [--state-dir DIR]",
	  "show a verifier how this host was booted",
	  "Writes a bundle: a quote by the host TPM, then the logs that explain it. With --to it\n"
	  "answers the challenge of the verifier that enrolled this host; where the host waits for\n"
	  "its share of the host root key, that opens it." },
	{ "host bind-verifier", cli_host_bind_verifier, false,
	  "to ca event-log ima-log state-dir recovery-code-fd",
	  "--to URL [--ca FILE] [--recovery-code-fd N] [--state-dir DIR]",
	  "have the verifier keep a share of the host root key",
	  "From then on each start of vtpm-keyd takes evidence that passes: `vtpmctl host attest\n"
	  "--to URL`. Takes the recovery code, which goes on opening the host alone." },
	{ "host unbind-verifier", cli_host_unbind_verifier, false, "recovery-code-fd",
	  "[--recovery-code-fd N]", "have the host TPM alone open the host root key again",
	  "Takes the recovery code, asked for on the terminal or read from a descriptor." },
	{ "host enrol", cli_host_enrol, true, "token token-file token-fd ca state-dir",
	  "[--token-file PATH | --token-fd N | --token TOKEN] [--ca FILE] [--state-dir DIR]",
	  "have a verifier certify this host's attestation key",
	  "The verifier at the URL makes a credential that only this host's TPM opens. It wants a\n"
	  "token of its administrator, which is asked for on the terminal if no option says it." },
	{ "ca show", cli_ca_show, false, "pem", "[--pem]",
	  "show the CA of this host, which certifies its vTPMs", NULL },
	{ "ca renew", cli_ca_renew, false, "ca state-dir", "[--ca FILE] [--state-dir DIR]",
	  "have the verifier that enrolled this host certify its CA",
	  "`vtpmctl host enrol` did so already. It is done again where the host was bound to\n"
	  "another configuration, and before the certificate is out of date." },
	{ "ca init", cli_ca_init, false, "csr new", "[--csr] [--new]",
	  "make a CA of this host that needs no verifier",
	  "It is its own root, or with --csr prints a request (PKCS #10) for somebody else's CA:\n"
	  "the answer goes to `vtpmctl ca import`. What a former key signed stays good." },
	{ "ca import", cli_ca_import, true, "", "",
	  "keep a certificate of the host's CA, and those above it",
	  "A file in PEM or DER: the certificate of the CA first, each signed by the next." },
	{ "host migration-key", cli_host_migration_key, false, "key-fd", "[--key-fd N]",
	  "give the host the key that states of machines are moved under",
	  "64 hexadecimal digits (openssl rand -hex 32), the same at each host that machines "
	  "shall\n"
	  "move to. Asks for them on the terminal, or reads them from a descriptor. vTPMs have it\n"
	  "once they are started again." },
	{ "host move-key", cli_move_key, false, "output", "[--output FILE]",
	  "print the certificate of the key that vTPMs are moved here under",
	  "PEM: that of the key, good for 30 days, that of the host's CA, and those above it. It\n"
	  "is for `vtpmctl export --to` on another host of the same fleet." },
	{ "seal plan", cli_seal_plan, false,
	  "replace dbx cmdline firmware label expires event-log dry-run output sign-with "
	  "recovery-code-fd",
	  "[--replace OLD=NEW]... [--dbx FILE] [--cmdline TEXT] [--firmware FILE]\n"
	  "       [--label TEXT] [--expires DAYS] [--event-log FILE]\n"
	  "       [--dry-run | --output FILE | --sign-with FILE | --recovery-code-fd N]",
	  "approve what will be booted, before it is",
	  "Predicts the PCRs of the next boot from the log of this one. Signs them with the key of\n"
	  "the recovery code, or with --sign-with; --output writes a plan to sign elsewhere." },
	{ "seal sign", cli_seal_sign, false, "plan sign-with", "--plan FILE --sign-with FILE",
	  "sign a plan, on any machine", NULL },
	{ "seal add", cli_seal_add, false, "plan", "--plan FILE",
	  "have a plan that was signed elsewhere", NULL },
	{ "seal list", cli_seal_list, false, "", "", "list what opens the host root key by itself",
	  NULL },
	{ "seal retire", cli_seal_retire, false, "sequence", "[--sequence N]",
	  "end configurations that are past",
	  "The host TPM itself refuses them from then on. What runs now stays good." },
	{ "gate show", cli_gate_show, false, "", "",
	  "show whether the verifier trusts this host, and what its vTPMs may do", NULL },
	{ "gate set", cli_gate_set, true, "policy grace", "--policy POLICY [--grace SECONDS]",
	  "say what a vTPM may do while the host is not trusted",
	  "log: all, and a line in the log. no-new-start: it is not powered on. freeze-keys: and\n"
	  "its keys rest, while it goes on being measured. stop: and it is powered off." },
	{ "gate default", cli_gate_default, false, "policy grace",
	  "--policy POLICY [--grace SECONDS]",
	  "say the same of all vTPMs that have no rule of their own", NULL },
	{ "gate verdict", cli_gate_verdict, true, "", "",
	  "bring a verdict that the verifier signed",
	  "For a host that the verifier cannot be reached from: the file is its answer to evidence,\n"
	  "- for standard input. `vtpmctl host attest --to` does this by itself." },
	{ "gate break-glass", cli_gate_break_glass, false, "reason for",
	  "--reason TEXT [--for SECONDS]",
	  "open the gate for some time, whatever the verdict",
	  "Time, user and reason are kept in gate.log before it opens. A reboot ends it." },
	{ "gate wait", cli_gate_wait, false, "timeout", "[--timeout SECONDS]",
	  "wait until the gate is not closed, under the default rule", NULL },
	{ "attest", cli_vtpm_attest, true,
	  "nonce pcrs deep digest app-key output event-log ima-log state-dir",
	  "--nonce DIGITS [--pcrs sha256:all | --digest DIGITS] [--deep] [--app-key PREFIX]\n"
	  "       [--output FILE] [--event-log FILE] [--ima-log FILE] [--state-dir DIR]",
	  "have a vTPM quote its PCRs for a verifier",
	  "Its own quote by its own key, while its client goes on. With --deep the host vouches\n"
	  "for it, and its evidence is in the same bundle. With --digest, what the host says is\n"
	  "about a quote that the client was given just now, and is all that is written." },
	{ "create", cli_vtpm_create, true, "front-end owner mode pcr-banks plain-state no-start",
	  "[--front-end device|chip|socket|vm] [--owner USER[:GROUP]] [--mode MODE] "
	  "[--pcr-banks sha256,sha384] [--plain-state] [--no-start]",
	  "make a vTPM, and start it",
	  "With --plain-state whoever can reach its control socket can read every key in it." },
	{ "start", cli_vtpm_start, true, "", "", "power a vTPM on", NULL },
	{ "stop", cli_vtpm_stop, true, "", "", "shut a vTPM down and power it off", NULL },
	{ "reset", cli_vtpm_reset, true, "", "", "power cycle a vTPM; this is not a wipe",
	  "Like the reset of a machine: PCRs, sessions and loaded keys go, all that is stored\n"
	  "stays. Devices stay, and clients that have them open." },
	{ "launch", cli_vtpm_launch, true, "image configuration restart",
	  "--image DIGEST --configuration DIGEST [--restart reset|keep]",
	  "power a vTPM on, or power cycle it, for a container that is started now",
	  "Image and configuration are measured into PCRs 17 and 18, which no client can change,\n"
	  "and into 8 and 9. vtpm-oci-hook does this for containers." },
	{ "log", cli_vtpm_log, true, "", "", "print what was measured when a vTPM was launched",
	  NULL },
	{ "list", cli_vtpm_list, false, "", "", "list the vTPMs of this host", NULL },
	{ "show", cli_vtpm_show, true, "", "", "show a vTPM", NULL },
	{ "config", cli_vtpm_config, true, "format", "[--format qemu|libvirt|cdi]",
	  "print how to give a vTPM to somebody",
	  "qemu, libvirt: for a vTPM of the front end vm, options of QEMU, or an element of\n"
	  "libvirt's <devices>. cdi: for one of the front end device, a specification for "
	  "container\n"
	  "engines; what is in /run/cdi is written by `vtpmctl device cdi`, which udev calls." },
	{ "wait", cli_vtpm_wait, true, "timeout", "[--timeout SECONDS]",
	  "wait until a vTPM answers", NULL },
	{ "remove", cli_vtpm_remove, true, "yes", "--yes", "end a vTPM, and erase it for good",
	  "All keys that were made in it are lost, and with them whatever they protect. Without\n"
	  "--yes it asks on a terminal, and refuses elsewhere." },
	{ "cert list", cli_cert_list, true, "", "",
	  "list the keys a vTPM is known by, and how their certificates are",
	  "issued, or expired, stale (of another epoch), pending: those are asked for anew at the\n"
	  "next power cycle." },
	{ "cert show", cli_cert_show, true, "key encoding output",
	  "--key KIND [--encoding text|pem|der|public] [--output FILE]",
	  "print a certificate of a vTPM, or the key that it is of", NULL },
	{ "cert csr", cli_cert_csr, true, "key output", "--key KIND [--output FILE]",
	  "make a request for a certificate, for another CA",
	  "The vTPM's attestation key signs it. An endorsement key cannot sign: what asks for it is\n"
	  "a request for the attestation key that carries it, with a proof that both are in one\n"
	  "TPM. `openssl x509 -req -force_pubkey` issues for what `cert show --encoding public`\n"
	  "prints." },
	{ "cert replace", cli_cert_replace, true, "key certificate",
	  "--key KIND --certificate FILE",
	  "have a certificate of another CA written at the next power cycle", NULL },
	{ "cert renew", cli_cert_renew, true, "key", "[--key KIND]",
	  "have new certificates of the host's CA at the next power cycle", NULL },
	{ "export", cli_move_export, true, "to verdict output again dry-run",
	  "--to FILE --verdict FILE --output FILE [--dry-run] | --again --output FILE",
	  "send a vTPM that is powered off to another host, which then has it alone",
	  "--to is what `host move-key` printed there, --verdict what `host attest --to URL\n"
	  "--json` said there. Once the package is written the vTPM is never started here again.\n"
	  "It can be written again, for that host. With --dry-run nothing is done, and what is\n"
	  "in the way is listed." },
	{ "import", cli_move_import, true, "name front-end owner mode no-start dry-run",
	  "[--name NAME] [--front-end KIND] [--owner USER[:GROUP]] [--mode MODE] [--no-start]\n"
	  "       [--dry-run]",
	  "take in a vTPM that another host sent here",
	  "A package is taken once. The vTPM gets certificates of this host when it is powered\n"
	  "on." },
	{ "device list", cli_device_list, false, "control-node", "[--control-node PATH]",
	  "list the driver's devices, without vtpmd", NULL },
	{ "device info", cli_device_info, true, "control-node", "[--control-node PATH]",
	  "show a device of the driver, without vtpmd", NULL },
	{ "device cdi", cli_device_cdi, true, "control-node cdi-dir",
	  "[--control-node PATH] [--cdi-dir DIR]",
	  "write, or remove, what container engines read of a device",
	  "Where the driver has no such device (any more), there is no specification either." },
	{ "device attest", cli_device_attest, true, "nonce digest app-key output",
	  "--nonce DIGITS [--digest DIGITS] [--app-key PREFIX] [--output FILE]",
	  "ask the host, through a vTPM's own node, to vouch for it",
	  "What a container can do: it takes /dev/vtpmN or /dev/vtpmrmN and nothing else. The\n"
	  "bundle has the host's quote; `vtpm-verify appraise --host` adds its keys and logs." },
	{ "device destroy", cli_device_destroy, true, "control-node yes",
	  "[--control-node PATH] --yes", "end a device of the driver, without vtpmd",
	  "Erases no state and no key, but whoever uses the device fails; vtpmd makes it anew "
	  "when\n"
	  "its vTPM is started. Without --yes it asks on a terminal, and refuses elsewhere." },
	{ "fsck", cli_fsck, false, "state-dir use-copy", "[--state-dir DIR] [--use-copy]",
	  "look at the store, and say what is intact; writes nothing",
	  "Needs no daemon and no host TPM. What is in the envelopes it cannot see. With "
	  "--use-copy,\n"
	  "vtpmd being stopped, a store that is not intact goes to a folder beside it, and its "
	  "copy\n"
	  "comes in its place: WHAT CAME AFTER THE COPY IS LOST." },
	{ "help", help, false, "", "[COMMAND]", "say what there is", NULL },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Return: the command that the words begin with, NULL: there is none. */
static const struct command *find(char **words, int count, int *ret_used)
{
	const struct command *command;
	char two[64];

	for (size_t i = 0; i < COMMANDS; i++) {
		command = &commands[i];
		*ret_used = strchr(command->words, ' ') ? 2 : 1;
		if (*ret_used > count)
			continue;
		snprintf(two, sizeof(two), "%s%s%s", words[0], *ret_used == 2 ? " " : "",
			 *ret_used == 2 ? words[1] : "");
		if (!strcmp(command->words, two))
			return command;
	}
	return NULL;
}

static bool is_of_file(const struct command *command)
{
	return command->run == cli_ca_import || command->run == cli_gate_verdict ||
	       command->run == cli_move_import || command->run == cli_device_attest;
}

static const char *argument_of(const struct command *command)
{
	if (!command->named)
		return "";
	if (is_of_file(command))
		return " FILE";
	return command->run == cli_host_enrol ? " URL" : " NAME";
}

static void help_all(void)
{
	puts("vtpmctl: virtual TPM 2.0 devices of this host\n\n"
	     "usage: vtpmctl [OPTION...] COMMAND [NAME] [OPTION...]\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %s%-*s %s\n", commands[i].words, 20 - (int)strlen(commands[i].words),
		       argument_of(&commands[i]), commands[i].summary);
	puts("\nOptions, before or after the command:");
	cli_options_help(ANYWHERE);
	puts("\n`vtpmctl help COMMAND` says more; the exit statuses stand in vtpmctl(1).");
}

static enum cli_exit help_one(const struct command *command)
{
	printf("usage: vtpmctl %s%s%s%s\n\n  %s\n", command->words, argument_of(command),
	       *command->usage ? " " : "", command->usage, command->summary);
	if (command->more)
		printf("\n%s\n", command->more);
	if (*command->options) {
		putchar('\n');
		cli_options_help(command->options);
	}
	return CLI_EXIT_OK;
}

static enum cli_exit unknown(const struct cli *cli)
{
	return report(cli, report_problem("usage", "`vtpmctl help` says what there is",
					  "there is no command '%s%s%s'", cli->words[0],
					  cli->word_count > 1 ? " " : "",
					  cli->word_count > 1 ? cli->words[1] : ""));
}

static enum cli_exit help(struct cli *cli, const char *name)
{
	const struct command *command;
	int used;

	(void)name;
	if (!cli->word_count) {
		help_all();
		return CLI_EXIT_OK;
	}
	command = find(cli->words, cli->word_count, &used);
	return command ? help_one(command) : unknown(cli);
}

/* Whether it is a good name vtpmd says; here it must fit into a path. */
static bool fits_path(const char *name)
{
	return *name && strlen(name) < 64 &&
	       !name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789._-")];
}

static enum cli_exit run(struct cli *cli, const struct command *command)
{
	const char *name = command->named ? cli->words[0] : NULL;
	bool wants_url = command->run == cli_host_enrol;
	bool wants_file = is_of_file(command);
	const char *option;
	char allowed[256];

	snprintf(allowed, sizeof(allowed), "%s %s", ANYWHERE, command->options);
	option = cli_options_unwanted(cli, allowed);
	if (option)
		return report(cli, report_problem("usage", "leave it out",
						  "`vtpmctl %s` has no option --%s", command->words,
						  option));
	if (command->run == help)
		return help(cli, NULL);
	if (cli->word_count < command->named && wants_url)
		return report(cli, report_problem("usage", "`vtpmctl help host enrol`",
						  "`vtpmctl %s` wants the URL of a verifier",
						  command->words));
	if (cli->word_count < command->named && wants_file)
		return report(cli, report_problem("usage", "`vtpmctl help` says what for",
						  "`vtpmctl %s` wants a file",
						  command->words));
	if (cli->word_count < command->named)
		return report(cli, report_problem("usage", "`vtpmctl list` shows the names",
						  "`vtpmctl %s` wants the name of a vTPM",
						  command->words));
	if (cli->word_count > command->named)
		return report(cli, report_problem("usage", "leave it out", "'%s' is too much",
						  cli->words[command->named]));
	if (name && !wants_url && !wants_file && !fits_path(name))
		return report(cli,
			      report_problem("usage", "a name has 1 to 63 of A-Z a-z 0-9 . _ -",
					     "'%s' is no name of a vTPM", name));
	return command->run(cli, name);
}

enum cli_exit cli_command_run(struct cli *cli)
{
	const struct command *command;
	int used;

	if (cli->version) {
		puts("vtpmctl " CLI_VERSION);
		return CLI_EXIT_OK;
	}
	if (!cli->word_count && cli->help)
		return help(cli, NULL);
	if (!cli->word_count)
		return report(cli, report_problem("usage", "`vtpmctl help` says what there is",
						  "there is no command"));
	command = find(cli->words, cli->word_count, &used);
	if (!command)
		return unknown(cli);
	if (cli->help)
		return help_one(command);
	cli->words += used;
	cli->word_count -= used;
	return run(cli, command);
}
