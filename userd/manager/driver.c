// SPDX-License-Identifier: BSD-3-Clause
/*
 * Devices and chips: the calls on the driver's control node (uapi/linux/vtpm.h).
 *
 * A device is named as its vTPM and carries its UUID. It is made at power-on, outlives
 * engines and managers, and goes at power-off. A device of our name with another UUID is
 * somebody else's, and is left alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vtpm_ask.h>

#include "base/cursor.h"
#include "base/log.h"
#include "base/secret.h"
#include "manager/state.h"

int driver_open(struct manager *manager)
{
	if (manager->control >= 0)
		return 0;
	manager->control = open(manager->options.control_node, O_RDWR | O_CLOEXEC);
	return manager->control < 0 ? -errno : 0;
}

static void put_name(char *to, const struct vtpm *vtpm)
{
	cursor_copy(to, VTPM_NAME_SIZE, vtpm->define.name, VTPM_NAME_SIZE);
}

/* Return: 0; -ENOENT (there is none); -EEXIST (it is another's); -errno */
static int info(const struct vtpm *vtpm, struct vtpm_info *ret)
{
	*ret = (struct vtpm_info){ .size = sizeof(*ret) };
	put_name(ret->name, vtpm);
	if (vtpm->manager->control < 0)
		return -ENODEV;
	if (ioctl(vtpm->manager->control, VTPM_IOC_INFO, ret))
		return -errno;
	return secret_equal(ret->uuid, vtpm->define.uuid, sizeof(ret->uuid)) ? 0 : -EEXIST;
}

void driver_look(struct vtpm *vtpm)
{
	struct vtpm_info now;

	vtpm->index = -1;
	vtpm->chip = -1;
	if (vtpm_front_is_socket(vtpm->define.front) || info(vtpm, &now))
		return;
	if (vtpm->define.front == VTPM_FRONT_DEVICE)
		vtpm->index = (int)now.index;
	else
		vtpm->chip = now.chip;
}

static void explain(const struct vtpm *vtpm, const char *what, int error, struct problem *problem)
{
	if (error == ENXIO)
		problem_set(problem, PROBLEM_NO_DRIVER, "use the front end device or socket",
			    "'%s': this host has no hardware TPM, so the chip would become the "
			    "system's default TPM",
			    vtpm->define.name);
	else if (error == EEXIST)
		problem_set(problem, PROBLEM_EXISTS, "destroy it, or choose another name",
			    "'%s': the driver has a device of that name that is not ours",
			    vtpm->define.name);
	else if (error == EDQUOT || error == ENOSPC)
		problem_set(problem, PROBLEM_CONFLICT, "stop or remove another vTPM first",
			    "'%s': the driver allows no more devices%s", vtpm->define.name,
			    error == EDQUOT ? " of this owner" : "");
	else
		problem_set(problem, PROBLEM_NO_DRIVER, "see the kernel's log",
			    "'%s': the driver refuses to %s a device: %s", vtpm->define.name, what,
			    strerror(error));
}

static int create(struct vtpm *vtpm)
{
	const struct vtpm_definition *define = &vtpm->define;
	struct vtpm_create call = {
		.size = sizeof(call),
		.front_end = define->front == VTPM_FRONT_CHIP ? VTPM_FRONT_END_CHIP
							      : VTPM_FRONT_END_DEVICE,
	};

	put_name(call.name, vtpm);
	cursor_copy(call.uuid, sizeof(call.uuid), define->uuid, sizeof(define->uuid));
	if (define->front == VTPM_FRONT_DEVICE) {
		call.uid = define->uid;
		call.gid = define->gid;
		call.mode = define->mode;
	}
	return ioctl(vtpm->manager->control, VTPM_IOC_CREATE, &call) ? -errno : 0;
}

static int attach(struct vtpm *vtpm, bool resume)
{
	struct vtpm_attach call = {
		.size = sizeof(call),
		.flags = (resume ? VTPM_ATTACH_RESUME : VTPM_ATTACH_RESET) |
			 VTPM_ATTACH_JOURNALS | VTPM_ATTACH_ASKS,
		.instance = resume ? vtpm->instance : 0,
	};
	int r;

	put_name(call.name, vtpm);
	r = ioctl(vtpm->manager->control, VTPM_IOC_ATTACH, &call) ? -errno : 0;
	/* A module from before there were questions, loaded until the last device goes. */
	if (r == -EOPNOTSUPP) {
		call.flags &= ~(uint32_t)VTPM_ATTACH_ASKS;
		r = ioctl(vtpm->manager->control, VTPM_IOC_ATTACH, &call) ? -errno : 0;
	}
	if (r)
		return r;
	vtpm->instance = call.instance;
	return call.fd;
}

int driver_attach(struct vtpm *vtpm, bool resume, struct problem *problem)
{
	struct vtpm_info now;
	int r;

	if (driver_open(vtpm->manager)) {
		problem_set(problem, PROBLEM_NO_DRIVER, "load it: modprobe vtpm",
			    "'%s': the kernel module vtpm is not loaded", vtpm->define.name);
		return -ENODEV;
	}
	r = info(vtpm, &now);
	if (r == -ENOENT) {
		resume = false;
		r = create(vtpm);
	}
	if (r) {
		explain(vtpm, "make", -r, problem);
		return r;
	}

	r = attach(vtpm, resume);
	if (r == -EBUSY) {
		/* The engine is dead, as spawn said: whoever still holds its file is not it. */
		driver_detach(vtpm);
		r = attach(vtpm, resume);
	}
	if (r == -ESTALE) {
		log_line("%s: its device is of another life, powering on anew", vtpm->define.name);
		r = attach(vtpm, false);
	}
	if (r < 0)
		explain(vtpm, "serve", -r, problem);
	else
		driver_look(vtpm);
	return r;
}

void driver_detach(struct vtpm *vtpm)
{
	struct vtpm_detach call = { .size = sizeof(call) };

	if (vtpm_front_is_socket(vtpm->define.front) || vtpm->manager->control < 0)
		return;
	put_name(call.name, vtpm);
	if (ioctl(vtpm->manager->control, VTPM_IOC_DETACH, &call) && errno != ENOTCONN &&
	    errno != ENOENT)
		log_line("%s: cannot detach its device: %s", vtpm->define.name, strerror(errno));
}

void driver_tell(const struct vtpm *vtpm, uint64_t id, uint32_t error, const void *proof,
		 size_t length)
{
	struct vtpm_tell call = {
		.size = sizeof(call),
		.instance = vtpm->instance,
		.id = id,
		.proof = (uintptr_t)proof,
		.length = (uint32_t)length,
		.error = error,
	};

	if (vtpm->define.front != VTPM_FRONT_DEVICE || vtpm->manager->control < 0)
		return;
	put_name(call.name, vtpm);
	/* Whoever asked may be gone; a module from before there were questions had none. */
	if (ioctl(vtpm->manager->control, VTPM_IOC_TELL, &call) && errno != ESTALE &&
	    errno != ENOENT && errno != ENOTTY)
		log_line("%s: cannot tell what its client asked: %s", vtpm->define.name,
			 strerror(errno));
}

void driver_destroy(struct vtpm *vtpm)
{
	struct vtpm_destroy call = { .size = sizeof(call) };
	struct vtpm_info now;

	vtpm->index = -1;
	vtpm->chip = -1;
	if (!vtpm->define.name[0] || info(vtpm, &now))
		return;
	put_name(call.name, vtpm);
	if (ioctl(vtpm->manager->control, VTPM_IOC_DESTROY, &call))
		log_line("%s: cannot destroy its device: %s", vtpm->define.name, strerror(errno));
}
