#!/bin/bash
# Second stage of a guest: loads modules, brings up the network and then runs what the host asks for.
# Channel: ttyS0. In: "RUN <id>" (script /lab/cmd/<id>, output to /lab/out/<id>). Out: "READY", "DONE <id> <status>", "EVENT ...".
ulimit -c 0
export STRONGSWAN_CONF=/run/lab/strongswan.conf
echo 1 > /proc/sys/kernel/printk
# drbg: adding an SA fails without it. The rest are ESP's algorithms, L2TP and PPP.
modprobe -a tun ppp_generic pppox ppp_async ppp_synctty ppp_mppe ppp_deflate bsd_comp l2tp_core l2tp_ppp udp_tunnel \
  xfrm_user xfrm_algo esp4 authenc echainiv seqiv cbc ctr gcm ghash-generic des_generic sha512_generic hmac md4 drbg \
  ansi_cprng
# Without this every algorithm look-up of the first SA starts a modprobe: seconds instead of milliseconds.
echo > /proc/sys/kernel/modprobe
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
ip link set lo up
ip address add "$labaddr" dev eth0
ip link set eth0 up
ip route add default via "$labgw"
echo 1 > /proc/sys/net/ipv4/ip_forward
mkdir -p /run/lab /run/xl2tpd
mkfifo /run/lab/never

stty -F /dev/ttyS0 raw -echo
exec 3<> /dev/ttyS0

# One line to the host, e.g. from pppd's ip-up script.
event() { echo "EVENT $*" > /dev/ttyS0; }
# pause SECONDS: a wait that forks nothing.
pause() { read -r -t "$1" <> /run/lab/never; }
# await SECONDS CONDITION...: true as soon as the condition is, false after the time.
await() {
  local turns=$(($1 * 20)); shift
  until eval "$*"; do ((turns-- > 0)) || return 1; pause 0.05; done
  return 0
}

echo READY >&3
while read -r verb id <&3; do
  [ "$verb" = RUN ] || continue
  { ( exec 3>&-; . "/lab/cmd/$id" ) > "/lab/out/$id" 2>&1 < /dev/null; echo "DONE $id $?" >&3; } &
done
