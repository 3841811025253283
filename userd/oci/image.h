/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which image a container was made from, as the storage of podman, Buildah and CRI-O
 * (containers/storage) has it.
 */
#ifndef OCI_IMAGE_H
#define OCI_IMAGE_H

#include <stddef.h>

/**
 * image_of() - the image of a container
 * @rootfs: path of the container's root
 * @ret: "sha256:" and 64 digits: the digest of the image's configuration, which has those
 *	of its layers
 * @room: bytes of @ret, at least 72
 *
 * The storage belongs to the user and is believed: nobody counts up the files here.
 *
 * Return: 0; -ENOENT (no storage around that path knows it); -EBADMSG (the storage says
 * something else than a digest).
 */
int image_of(const char *rootfs, char *ret, size_t room);

/**
 * image_annotates() - does the image itself have an annotation?
 * @rootfs: path of the container's root
 * @image: what image_of() has said of it
 * @name: of the annotation
 *
 * podman gives a container the annotations of its image, which whoever made that has chosen.
 *
 * Return: 1, 0; -ENOENT (no manifest of that image is there to be read).
 */
int image_annotates(const char *rootfs, const char *image, const char *name);

#endif /* OCI_IMAGE_H */
