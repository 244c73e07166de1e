#!/bin/sh
# Ends processes when the pipe on its stdin closes: whoever holds the other end may crash, but not leave them behind.
# Lines on stdin: "+PID" watch the process group PID, "-PID" forget it. $1: a directory to remove at the end, or ''.
trap '' INT TERM HUP
groups=
while read -r line; do
	group=${line#?}
	case $line in
	+*) groups="$groups $group" ;;
	-*)
		kept=
		for each in $groups; do [ "$each" = "$group" ] || kept="$kept $each"; done
		groups=$kept
		;;
	esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
[ -n "$1" ] || exit 0
# The killed may still be writing for a moment.
for attempt in 1 2 3 4 5 6 7 8 9 10; do
	rm -rf -- "$1" 2>/dev/null && exit 0
	sleep 0.1
done
exec rm -rf -- "$1"
