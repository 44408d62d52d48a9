# For the examples' run.sh: expect STATUS COMMAND… runs a command, and ends the script where it ends with another status.
expect() {
  local status=0 expected=$1
  shift
  "$@" || status=$?
  [ $status = "$expected" ] || { echo "ended with $status, expected $expected: $*" >&2; exit 1; }
}
