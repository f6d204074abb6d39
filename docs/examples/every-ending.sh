# Causes every ending that a command can have.
. "$(dirname "$0")/test-bed.sh"
start
register meter-1

# became COMMAND STATUS: the command has ended so.
became() {
  local seen
  seen=$(downlink command show "$1" --json | jq -r '"\(.status) \(.final)"')
  [ "$seen" = "$2 true" ] || { echo "expected $2, seen $seen"; downlink command explain "$1"; exit 1; }
  echo "$2"
}

# Cancelled before the device woke.
id=$(post)
api PUT "cmd/v1.4.0/deviceCommands/$id" '{"status":"CANCELED"}' > /dev/null
became "$id" CANCELED

# Expired while the device slept: an hour passes in no time.
id=$(post ',"expireTime":3600')
pass 1h
became "$id" EXPIRED

# The device wakes, takes it, and says that it did it.
id=$(post)
downlink device play meter-1 --commands 1 --answers ok --body '{"result":0}'
became "$id" SUCCESSFUL

# The device says that it could not.
id=$(post)
downlink device play meter-1 --commands 1 --answers error=7
became "$id" FAILED

# The device acknowledges it and never answers: after 48 hours it is settled, and stays what it is.
id=$(post)
downlink device play meter-1 --commands 1 --answers silent
pass 48h
became "$id" DELIVERED

# The device does not even acknowledge it: one attempt, then nobody can know.
id=$(post ',"maxRetransmit":0')
downlink device play meter-1 --commands 1 --answers deaf
pass 5min
became "$id" TIMEOUT

# The network swallows the first attempt; the second, twelve seconds on, arrives.
id=$(post)
downlink fault set drop-frame > /dev/null
downlink device play meter-1 --commands 1 -- downlink clock advance 15s > /dev/null
became "$id" SUCCESSFUL

# A direct call goes now or never, and its answer waits for the device.
downlink device play meter-1 --commands 1 -- bash -c call | jq -r .status
id=$(downlink command list --limit 1 --json | jq -r '.commands[0].commandId')
became "$id" SUCCESSFUL
