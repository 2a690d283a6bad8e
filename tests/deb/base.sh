# Sourced behind prepare: a minimal Debian 12 as $base, a tar file that is fetched once (debootstrap, about 100 MB from the mirror).
base=$HEDDLE_TARGET/tools/bookworm.tar
if [ ! -s "$base" ]; then
    say "fetching a minimal Debian 12"
    debootstrap --variant=minbase bookworm "$HEDDLE_SCRATCH/base" >"$HEDDLE_SCRATCH/debootstrap.log" 2>&1 ||
        die "Debian 12 could not be fetched" "$(tail -n 3 "$HEDDLE_SCRATCH/debootstrap.log")"
    mkdir -p "$HEDDLE_TARGET/tools" && tar -C "$HEDDLE_SCRATCH/base" -cf "$base.new" . && mv "$base.new" "$base"
fi
