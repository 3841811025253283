/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vTPM as the Container Device Interface (CDI) describes devices to podman, containerd
 * and CRI-O: cdi.c says what is in it.
 */
#ifndef CLI_CDI_H
#define CLI_CDI_H

#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

/** define CDI_KIND - vendor and class: `--device CDI_KIND=NAME` */
#define CDI_KIND "vtpm.local/vtpm"

/** define CDI_DIR - where container engines look for what came since the boot */
#define CDI_DIR "/run/cdi"

/**
 * struct cdi_device - a device with its nodes on this host
 * @name: of the vTPM
 * @raw: path of the raw node
 * @rm: path of the shared node
 * @uid: owner of the nodes
 * @gid: group of the nodes
 * @mode: permission bits of the nodes
 */
struct cdi_device {
	const char *name;
	const char *raw;
	const char *rm;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/**
 * cdi_spec() - the specification of one device
 * @device: device
 * @ret_problem: why there is none: CDI has stricter rules for names; for report()
 *
 * Return: a new reference, or NULL.
 */
json_t *cdi_spec(const struct cdi_device *device, json_t **ret_problem);

/** cdi_mounts() - the bind mounts that give its nodes a TPM's names, as in an OCI config */
json_t *cdi_mounts(const char *raw, const char *rm, const char *from, const char *to);

/**
 * cdi_lock() - open the folder of specifications, made when missing, to ourselves
 *
 * Return: a descriptor, which has the lock until it is closed; -errno.
 */
int cdi_lock(const char *dir);

/**
 * cdi_write() - put a specification into the folder, at once and whole
 * @dir: of cdi_lock()
 * @name: of the vTPM
 * @spec: specification; NULL: there shall be none
 *
 * Return: 0; -ENAMETOOLONG; -errno of openat(), write(), renameat() or unlinkat().
 */
int cdi_write(int dir, const char *name, const json_t *spec);

#endif /* CLI_CDI_H */
