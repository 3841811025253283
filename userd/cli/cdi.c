// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a container engine is told of a vTPM, so that `--device vtpm.local/vtpm=NAME` gives
 * a container /dev/tpm0 and /dev/tpmrm0:
 *
 *	deviceNodes	the nodes by their paths on this host: these are what the
 *			container's device cgroup lets through
 *	mounts		the same nodes once more, as bind mounts under a TPM's names
 *
 * Never a node with another name than on this host: a runtime that cannot make nodes
 * (rootless) takes the host's node of the name that it is asked for, which for /dev/tpm0
 * is the host's own TPM.
 *
 * A folder holds a file for each vTPM, so that one that cannot be read harms no other.
 * Who writes a file has locked the folder before looking at the device.
 */
#include "cli/cdi.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/report.h"

static json_t *node(const struct cdi_device *device, const char *path)
{
	return json_pack("{s:s, s:s, s:i, s:i, s:i}", "path", path, "permissions", "rw",
			 "fileMode", (int)device->mode, "uid", (int)device->uid, "gid",
			 (int)device->gid);
}

static json_t *mount(const char *node, const char *to, const char *from_name, const char *to_name)
{
	return json_pack("{s:s, s:s, s:[s, s, s, s]}", from_name, node, to_name, to, "options",
			 "bind", "rw", "nosuid", "noexec");
}

json_t *cdi_mounts(const char *raw, const char *rm, const char *from, const char *to)
{
	return json_pack("[o, o]", mount(raw, "/dev/tpm0", from, to),
			 mount(rm, "/dev/tpmrm0", from, to));
}

/* A name for us may end with any of its characters, and begin with '_'. */
static bool is_name_fit(const char *name)
{
	size_t length = strlen(name);

	return length && isalnum((unsigned char)name[0]) &&
	       isalnum((unsigned char)name[length - 1]);
}

json_t *cdi_spec(const struct cdi_device *device, json_t **ret_problem)
{
	json_t *edits;

	if (!is_name_fit(device->name)) {
		*ret_problem = report_problem("usage",
					      "choose a name that begins and ends with one of "
					      "A-Z a-z 0-9",
					      "'%s' is no name of a CDI device", device->name);
		return NULL;
	}
	edits = json_pack("{s:[o, o], s:o}", "deviceNodes", node(device, device->raw),
			  node(device, device->rm), "mounts",
			  cdi_mounts(device->raw, device->rm, "hostPath", "containerPath"));
	return json_pack("{s:s, s:s, s:[{s:s, s:o}]}", "cdiVersion", "0.3.0", "kind", CDI_KIND,
			 "devices", "name", device->name, "containerEdits", edits);
}

int cdi_lock(const char *dir)
{
	_cleanup_(close_fdp) int fd = -1;

	if (mkdir(dir, 0755) && errno != EEXIST)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX))
		return -errno;
	return TAKE_FD(fd);
}

static int write_whole(int fd, const json_t *spec)
{
	char *text = json_dumps(spec, JSON_INDENT(2));
	size_t written;
	int r;

	if (!text)
		return -ENOMEM;
	r = fd_pwrite_parts(fd, text, strlen(text), "\n", 1, 0, &written);
	free(text);
	return r;
}

int cdi_write(int dir, const char *name, const json_t *spec)
{
	_cleanup_(close_fdp) int fd = -1;
	char file[96], draft[96];
	int r;

	if (snprintf(file, sizeof(file), "vtpm-%s.json", name) >= (int)sizeof(file) ||
	    snprintf(draft, sizeof(draft), ".vtpm-%s.new", name) >= (int)sizeof(draft))
		return -ENAMETOOLONG;
	if (!spec)
		return unlinkat(dir, file, 0) && errno != ENOENT ? -errno : 0;
	fd = openat(dir, draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = write_whole(fd, spec);
	if (!r && renameat(dir, draft, dir, file))
		r = -errno;
	if (r)
		unlinkat(dir, draft, 0);
	return r;
}
