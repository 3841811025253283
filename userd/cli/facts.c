// SPDX-License-Identifier: BSD-3-Clause
/*
 * Asking vtpmd and the kernel; see the header.
 */
#include "cli/facts.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/report.h"

#define TPMS	    "/sys/class/tpm"
#define SECURE_BOOT "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define LOCKDOWN    "/sys/kernel/security/lockdown"
#define IMA_COUNT   "/sys/kernel/security/ima/runtime_measurements_count"

#define FACT_MAX   64
#define FOLDER_MAX 96

static void json_putp(json_t **object)
{
	json_decref(*object);
}

static void dir_closep(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* The beginning of a file of the kernel. Return: bytes of it; 0 where there is none. */
static size_t read_file(const char *path, char *ret, size_t room)
{
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, room - 1);

	ret[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static void add_text(json_t *facts, const char *name, const char *text)
{
	char cut[FACT_MAX];

	if (!text || !*text)
		return;
	text_cut(cut, sizeof(cut), text);
	json_object_set_new(facts, name, json_string(cut));
}

/* The TPM */

/* Lines as "Manufacturer: 0x49424d00" and "Firmware version: 18.158". */
static void add_old_tpm(json_t *facts, const char folder[FOLDER_MAX])
{
	char path[FOLDER_MAX + 32], caps[512], maker[5] = "", firmware[FACT_MAX] = "";
	unsigned int number = 0;
	const char *line;

	snprintf(path, sizeof(path), "%s/caps", folder);
	read_file(path, caps, sizeof(caps));
	line = strstr(caps, "Manufacturer: 0x");
	if (line && sscanf(line, "Manufacturer: 0x%8x", &number) == 1)
		for (int i = 0; i < 4; i++) {
			char c = (char)(number >> (24 - 8 * i));

			maker[i] = '\0';
			if (c <= ' ' || c > '~')
				break;
			maker[i] = c;
		}
	line = strstr(caps, "Firmware version: ");
	if (line && sscanf(line, "Firmware version: %63s", firmware) != 1)
		firmware[0] = '\0';
	add_text(facts, "tpm_vendor", maker);
	add_text(facts, "tpm_firmware", firmware);
}

/* A chip of the kernel that is not a device of the machine is a vTPM. */
static bool is_virtual(const char *folder)
{
	char whole[PATH_MAX];

	return !realpath(folder, whole) || strstr(whole, "/virtual/");
}

/* Return: does the kernel know a TPM of this machine? */
static bool add_kernel_tpm(json_t *facts)
{
	_cleanup_(dir_closep) DIR *dir = opendir(TPMS);
	const struct dirent *entry;
	char folder[FOLDER_MAX], path[FOLDER_MAX + 32], version[8];

	while (dir && (entry = readdir(dir))) {
		snprintf(folder, sizeof(folder), TPMS "/%.64s", entry->d_name);
		snprintf(path, sizeof(path), "%s/tpm_version_major", folder);
		if (entry->d_name[0] == '.' || is_virtual(folder) ||
		    !read_file(path, version, sizeof(version)))
			continue;
		add_text(facts, "tpm", version[0] == '1' ? "1.2" : "2.0");
		if (version[0] == '1')
			add_old_tpm(facts, folder);
		return true;
	}
	return false;
}

/* vtpmd says of the TPM that it uses: "IBM 8217.4131.18.146". */
static json_t *add_tpm(json_t *facts, const json_t *host)
{
	const char *about = json_string_value(json_object_get(host, "host_tpm"));
	const char *state = json_string_value(json_object_get(host, "state"));
	char vendor[FACT_MAX];

	if (about && *about) {
		text_cut(vendor, sizeof(vendor), about);
		vendor[strcspn(vendor, " ")] = '\0';
		add_text(facts, "tpm", "2.0");
		add_text(facts, "tpm_vendor", vendor);
		add_text(facts, "tpm_firmware", about + strcspn(about, " ") +
						strspn(about + strcspn(about, " "), " "));
		return NULL;
	}
	if (add_kernel_tpm(facts))
		return NULL;
	/* Before that, vtpmd has not looked for a TPM that it reaches another way. */
	if (!state || !strcmp(state, "uninitialised"))
		return report_problem("uninitialised", "`vtpmctl host init`",
				      "nobody knows yet whether this host has a TPM");
	add_text(facts, "tpm", "none");
	return NULL;
}

/* The store and the vTPMs */

static void add_protection(json_t *facts, const json_t *host)
{
	const char *rollback = json_string_value(json_object_get(host, "rollback_protection"));
	const char *state = json_string_value(json_object_get(host, "state"));
	bool hardware = json_is_true(json_object_get(host, "hardware_protected"));
	json_t *window = json_object_get(host, "rollback_window");
	bool counted = hardware && rollback && strcmp(rollback, "off") != 0;

	add_text(facts, "state_protection", !hardware ? "none" : counted ? "tpm+counter" : "tpm");
	if (counted)
		json_object_set_new(facts, "window_seconds",
				    json_integer(json_integer_value(window)));
	/* A code was in its place before the host had a key (place.h). */
	json_object_set_new(facts, "recovery_backed_up",
			    json_boolean(state && strcmp(state, "uninitialised") != 0));
}

static void add_vtpms(json_t *facts, const json_t *vtpms)
{
	static const char *const states[] = { "running", "locked", "quarantined" };
	const json_t *vtpm;
	char name[32];
	size_t i;

	for (size_t j = 0; j < sizeof(states) / sizeof(states[0]); j++) {
		json_int_t count = 0;

		json_array_foreach (json_object_get(vtpms, "vtpms"), i, vtpm) {
			const char *state = json_string_value(json_object_get(vtpm, "state"));

			count += state && !strcmp(state, states[j]);
		}
		snprintf(name, sizeof(name), "vtpms_%s", states[j]);
		json_object_set_new(facts, name, json_integer(count));
	}
}

/* The kernel */

/* "none [integrity] confidentiality": the one in brackets is in force. */
static void add_lockdown(json_t *facts)
{
	char text[128], *from, *to;

	read_file(LOCKDOWN, text, sizeof(text));
	from = strchr(text, '[');
	to = from ? strchr(from, ']') : NULL;
	if (!to)
		return;
	*to = '\0';
	add_text(facts, "lockdown", from + 1);
}

/* Four bytes of attributes, then the value. Without UEFI there is none, and it is off. */
static void add_secure_boot(json_t *facts)
{
	char value[8];
	size_t n = read_file(SECURE_BOOT, value, sizeof(value));

	if (n == 5)
		add_text(facts, "secure_boot", value[4] == 1 ? "on" : "off");
	else if (access("/sys/firmware/efi", F_OK))
		add_text(facts, "secure_boot", "off");
}

/* The first entry is the boot aggregate, which needs no policy. */
static void add_ima(json_t *facts)
{
	char text[32];

	if (read_file(IMA_COUNT, text, sizeof(text)))
		add_text(facts, "ima", strtoul(text, NULL, 10) > 1 ? "measuring" : "no policy");
	else if (!access("/sys/kernel/security/lockdown", F_OK))
		add_text(facts, "ima", "none");
}

json_t *facts_get(const struct cli *cli, json_t **ret)
{
	const struct client_request of_host = { .method = "GET", .path = "/v1/host" };
	const struct client_request of_vtpms = { .method = "GET", .path = "/v1/vtpms" };
	_cleanup_(json_putp) json_t *facts = json_object();
	_cleanup_(json_putp) json_t *host = NULL;
	_cleanup_(json_putp) json_t *vtpms = NULL;
	json_t *problem = NULL;

	if (!client_ask(cli, &of_host, &host, &problem, NULL) ||
	    !client_ask(cli, &of_vtpms, &vtpms, &problem, NULL))
		return problem;
	problem = add_tpm(facts, host);
	if (problem)
		return problem;
	add_protection(facts, host);
	add_vtpms(facts, vtpms);
	add_secure_boot(facts);
	add_lockdown(facts);
	add_ima(facts);
	*ret = json_incref(facts);
	return NULL;
}
