/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vtpmctl: what was asked on the command line, and how it ended.
 *
 * main.c reads the command line into a struct cli, command.c finds the command, its
 * function asks vtpmd (client.h) and prints. A failure is a problem as vtpmd says it
 * (RFC 9457), and problems that arise here have the same form; report.h prints both, and
 * the exit status follows from the problem's type.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#define CLI_VERSION "0.1"

/** define CLI_REPLACE_MAX - files that a plan may replace */
#define CLI_REPLACE_MAX 8

/**
 * enum cli_exit - exit statuses; stable, described in vtpmctl.1
 * @CLI_EXIT_OK: done
 * @CLI_EXIT_FAILED: something else went wrong
 * @CLI_EXIT_USAGE: bad command line, or a value in it
 * @CLI_EXIT_NOT_FOUND: no vTPM of that name
 * @CLI_EXIT_CONFLICT: it exists already, or not in its present state
 * @CLI_EXIT_LOCKED: the host is locked, or not initialised
 * @CLI_EXIT_AUTH: password or recovery code wanted, or wrong
 * @CLI_EXIT_UNREACHABLE: vtpmd does not answer
 * @CLI_EXIT_MISSING: driver or host TPM missing, or failing
 * @CLI_EXIT_STORAGE: the store cannot be written
 * @CLI_EXIT_TIMEOUT: it took too long
 * @CLI_EXIT_FORBIDDEN: this user may not
 */
enum cli_exit {
	CLI_EXIT_OK = 0,
	CLI_EXIT_FAILED = 1,
	CLI_EXIT_USAGE = 2,
	CLI_EXIT_NOT_FOUND = 3,
	CLI_EXIT_CONFLICT = 4,
	CLI_EXIT_LOCKED = 5,
	CLI_EXIT_AUTH = 6,
	CLI_EXIT_UNREACHABLE = 7,
	CLI_EXIT_MISSING = 8,
	CLI_EXIT_STORAGE = 9,
	CLI_EXIT_TIMEOUT = 10,
	CLI_EXIT_FORBIDDEN = 11,
};

/**
 * enum cli_format - formats of config
 * @CLI_FORMAT_QEMU: options of QEMU
 * @CLI_FORMAT_LIBVIRT: an element of libvirt's XML
 * @CLI_FORMAT_CDI: a specification for container engines
 */
enum cli_format {
	CLI_FORMAT_QEMU,
	CLI_FORMAT_LIBVIRT,
	CLI_FORMAT_CDI,
};

/** define CLI_TOKEN_SIZE - longest token of a verifier, its NUL included */
#define CLI_TOKEN_SIZE 129

/**
 * struct cli - the command line
 * @runtime_dir: of vtpmd
 * @json: print for scripts
 * @help: asked for help
 * @version: asked for the version
 * @given: options that were given, bit n for row n of the table in options.c, 64 a word
 * @words: what is no option: command, then its arguments
 * @word_count: how many
 * @no_hardware: do without a host TPM
 * @pcrs: PCRs of the policy, 0 for the default
 * @recovery_code_file: where the code goes; NULL for none
 * @recovery_code_fd: where the code goes, or comes from; -1 for none
 * @owner_password_fd: where the password comes from; -1 for none
 * @key_fd: where the migration key comes from; -1 for the terminal
 * @accept_rollback: take an older store for the newest one
 * @accept_move: take the store although host TPM or counter is another one
 * @rollback: how the store shall be protected; NULL for the default
 * @window: seconds, of lazy protection; 0 for the default
 * @state_dir: of vtpmd; NULL for the default
 * @use_copy: put the copy of a store in its place
 * @bind: seal the root key to the host TPM that is here now
 * @front_end: NULL for the default
 * @owner_set: @owner and @group were given
 * @owner: of the nodes
 * @group: of the nodes
 * @mode: of the nodes, as text; NULL for the default
 * @pcr_banks: separated by commas; NULL for the default
 * @plain_state: let its state leave and come in clear
 * @no_start: do not start it
 * @format: of config
 * @timeout: seconds; 0 for ever
 * @yes: ask nothing
 * @control_node: the driver's; NULL for the default
 * @format: of what is printed
 * @cdi_dir: where container engines look; NULL for the default
 * @image: digest of what a container is made from
 * @configuration: digest of what runs in it
 * @restart: what a launch does to a vTPM that runs; NULL for the default
 * @nonce: of the verifier, as digits
 * @app_key: beginning of the names of files about an application key; NULL: none
 * @digest: of a statement of a vTPM, as digits; NULL: none
 * @deep: the host shall vouch for a vTPM
 * @output: where a bundle goes; NULL: standard output
 * @to: URL of the verifier whose challenge is answered; of an export: file with a chain
 * @verdict: file with a verdict about that host; NULL: none
 * @again: that of before
 * @new_name: that a vTPM gets; NULL: the one it had
 * @url: of the verifier that shall enrol the host
 * @token: of its administrator, as it stood on the command line; empty for none
 * @token_file: where it is; "-": standard input; NULL for none
 * @token_fd: where it comes from; -1 for none
 * @ca: file with CAs to trust; NULL: those of the system
 * @event_log: where the firmware's log is; NULL for the default
 * @ima_log: where IMA's log is; NULL for the default
 * @replace: OLD=NEW of files that will be booted
 * @replace_count: how many
 * @dbx: file with what that variable will hold
 * @cmdline: command line of the kernel that will be
 * @firmware: log of a machine that has the firmware that will be
 * @label: of a plan
 * @expires: days until a plan ends; 0: never
 * @plan: file of a plan
 * @sign_with: file of a private key
 * @plan_key: file of a public key; "none": no plans; NULL: that of the recovery code
 * @sequence: of a plan; 0: that of the one that runs
 * @dry_run: change nothing
 * @key: which key of a vTPM; NULL: none was named
 * @encoding: of a certificate; NULL for the default
 * @certificate: file with one
 * @csr: a request for another CA, no root of its own
 * @anew: another key in place of the one that is
 * @pem: certificates as PEM
 * @policy: what a closed gate does; NULL: none was named
 * @grace: seconds between the end of trust and that
 * @reason: why the glass is broken; NULL: none was given
 * @lasts: seconds that this holds
 */
struct cli {
	const char *replace[CLI_REPLACE_MAX];
	unsigned int replace_count;
	const char *dbx;
	const char *cmdline;
	const char *firmware;
	const char *label;
	unsigned int expires;
	const char *plan;
	const char *sign_with;
	const char *plan_key;
	uint64_t sequence;
	bool dry_run;
	const char *runtime_dir;
	bool json;
	bool help;
	bool version;
	uint64_t given[2];
	char **words;
	int word_count;
	bool no_hardware;
	uint32_t pcrs;
	const char *recovery_code_file;
	int recovery_code_fd;
	int owner_password_fd;
	int key_fd;
	bool accept_rollback;
	bool accept_move;
	const char *rollback;
	unsigned int window;
	const char *state_dir;
	bool use_copy;
	bool bind;
	const char *front_end;
	bool owner_set;
	uid_t owner;
	gid_t group;
	const char *mode;
	char *pcr_banks;
	bool plain_state;
	bool no_start;
	enum cli_format format;
	unsigned int timeout;
	bool yes;
	const char *control_node;
	const char *cdi_dir;
	const char *image;
	const char *configuration;
	const char *restart;
	const char *nonce;
	const char *app_key;
	const char *digest;
	bool deep;
	const char *output;
	const char *to;
	const char *verdict;
	bool again;
	const char *new_name;
	const char *url;
	char token[CLI_TOKEN_SIZE];
	const char *token_file;
	int token_fd;
	const char *ca;
	const char *event_log;
	const char *ima_log;
	const char *key;
	const char *encoding;
	const char *certificate;
	bool csr;
	bool anew;
	bool pem;
	const char *policy;
	unsigned int grace;
	const char *reason;
	unsigned int lasts;
};

/** cli_options_parse() - read the command line; what is wrong with it has been reported */
enum cli_exit cli_options_parse(struct cli *cli, int argc, char **argv);

/** cli_options_help() - print those options whose names are in @names, a list with blanks */
void cli_options_help(const char *names);

/** cli_options_unwanted() - an option that was given and is not in @names. Return: NULL: none */
const char *cli_options_unwanted(const struct cli *cli, const char *names);

/** cli_command_run() - do what was asked */
enum cli_exit cli_command_run(struct cli *cli);

/** cli_host_print() - print what became of the host */
void cli_host_print(const struct cli *cli, const json_t *host);

/* The commands; @name is that of a vTPM (host enrol: a URL), NULL where one takes none. */
enum cli_exit cli_fsck(struct cli *cli, const char *name);
enum cli_exit cli_host_attest(struct cli *cli, const char *name);
enum cli_exit cli_host_bind_verifier(struct cli *cli, const char *name);
enum cli_exit cli_host_unbind_verifier(struct cli *cli, const char *name);
enum cli_exit cli_host_enrol(struct cli *cli, const char *name);
enum cli_exit cli_ca_init(struct cli *cli, const char *name);
enum cli_exit cli_ca_import(struct cli *cli, const char *path);
enum cli_exit cli_ca_renew(struct cli *cli, const char *name);
enum cli_exit cli_ca_show(struct cli *cli, const char *name);
enum cli_exit cli_gate_break_glass(struct cli *cli, const char *name);
enum cli_exit cli_gate_default(struct cli *cli, const char *name);
enum cli_exit cli_gate_set(struct cli *cli, const char *name);
enum cli_exit cli_gate_show(struct cli *cli, const char *name);
enum cli_exit cli_gate_verdict(struct cli *cli, const char *path);
enum cli_exit cli_gate_wait(struct cli *cli, const char *name);
enum cli_exit cli_host_init(struct cli *cli, const char *name);
enum cli_exit cli_host_rollback(struct cli *cli, const char *name);
enum cli_exit cli_host_migration_key(struct cli *cli, const char *name);
enum cli_exit cli_host_show(struct cli *cli, const char *name);
enum cli_exit cli_move_export(struct cli *cli, const char *name);
enum cli_exit cli_move_import(struct cli *cli, const char *path);
enum cli_exit cli_move_key(struct cli *cli, const char *name);
enum cli_exit cli_host_unlock(struct cli *cli, const char *name);
enum cli_exit cli_host_upgrade(struct cli *cli, const char *name);
enum cli_exit cli_seal_add(struct cli *cli, const char *name);
enum cli_exit cli_seal_list(struct cli *cli, const char *name);
enum cli_exit cli_seal_plan(struct cli *cli, const char *name);
enum cli_exit cli_seal_retire(struct cli *cli, const char *name);
enum cli_exit cli_seal_sign(struct cli *cli, const char *name);
enum cli_exit cli_vtpm_attest(struct cli *cli, const char *name);
enum cli_exit cli_vtpm_create(struct cli *cli, const char *name);
enum cli_exit cli_vtpm_start(struct cli *cli, const char *name);
enum cli_exit cli_vtpm_stop(struct cli *cli, const char *name);
enum cli_exit cli_vtpm_reset(struct cli *cli, const char *name);
enum cli_exit cli_vtpm_launch(struct cli *cli, const char *name);
enum cli_exit cli_vtpm_log(struct cli *cli, const char *name);
enum cli_exit cli_vtpm_list(struct cli *cli, const char *name);
enum cli_exit cli_vtpm_show(struct cli *cli, const char *name);
enum cli_exit cli_vtpm_config(struct cli *cli, const char *name);
enum cli_exit cli_vtpm_wait(struct cli *cli, const char *name);
enum cli_exit cli_vtpm_remove(struct cli *cli, const char *name);
enum cli_exit cli_cert_list(struct cli *cli, const char *name);
enum cli_exit cli_cert_show(struct cli *cli, const char *name);
enum cli_exit cli_cert_csr(struct cli *cli, const char *name);
enum cli_exit cli_cert_replace(struct cli *cli, const char *name);
enum cli_exit cli_cert_renew(struct cli *cli, const char *name);
enum cli_exit cli_device_list(struct cli *cli, const char *name);
enum cli_exit cli_device_info(struct cli *cli, const char *name);
enum cli_exit cli_device_cdi(struct cli *cli, const char *name);
enum cli_exit cli_device_attest(struct cli *cli, const char *name);
enum cli_exit cli_device_destroy(struct cli *cli, const char *name);

#endif /* CLI_CLI_H */
