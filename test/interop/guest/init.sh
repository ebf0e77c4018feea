#!/bin/bash
# First process of a guest: makes a writable root over the host's own files, then starts agent.sh in it.
# The kernel command line hands over labdir, labaddr and labgw as environment variables.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C
insmod /usr/lib/uml/modules/*/kernel/fs/overlayfs/overlay.ko
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
root=/mnt/root
mount -t proc proc $root/proc
mount -t sysfs sysfs $root/sys
# Mounting over is instant; emptying these through the overlay would take seconds.
mount -t tmpfs tmpfs $root/run
mount -t tmpfs tmpfs $root/tmp
mount --move /dev $root/dev
mkdir -p $root/dev/pts $root/lab $root/usr/lib/modules
mount -t devpts -o ptmxmode=0666 devpts $root/dev/pts
ln -s /proc/self/fd $root/dev/fd
mount -t hostfs -o "$labdir" lab $root/lab
mount --bind /usr/lib/uml/modules $root/usr/lib/modules
exec chroot $root /bin/bash /lab/agent.sh
