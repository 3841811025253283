// SPDX-License-Identifier: GPL-2.0
/* For LD_PRELOAD: syncs that do nothing, as if somebody had removed them. */
int fsync(int fd);
int fdatasync(int fd);

int fsync(int fd)
{
	(void)fd;
	return 0;
}

int fdatasync(int fd)
{
	(void)fd;
	return 0;
}
