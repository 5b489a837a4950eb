# One instance: system users, the data directory, certificate, database cluster, configuration. As root; sourced after common.sh.
# Uses the options of hub/up: data, host, announce.

postgres_bin=/usr/lib/postgresql/15/bin

# Who runs what; the common group may pass through the data directory and use the sockets. The hub shares folders with
# each worker through the worker's own group.
instance_users() {
    local group user
    for group in consilium consilium-pg consilium-hub consilium-dicom consilium-media; do
        getent group "$group" >/dev/null || groupadd --system "$group"
    done
    for user in consilium-pg consilium-hub consilium-dicom consilium-media; do
        getent passwd "$user" >/dev/null ||
            useradd --system --gid "$user" --groups consilium --home-dir /nonexistent --no-create-home \
                --shell /usr/sbin/nologin "$user"
    done
    id -nG consilium-hub | grep -qw consilium-media || usermod -aG consilium-dicom,consilium-media consilium-hub
}

# can_reach USER FILE: may the user read and, if it is a program, run it?
can_reach() {
    setpriv --reuid "$1" --regid "$1" --init-groups -- test -r "$2" 2>/dev/null
}

# make_dir OWNER GROUP MODE PATH
make_dir() {
    mkdir -p "$4"
    chown "$1:$2" "$4"
    chmod "$3" "$4"
}

instance_directories() {
    make_dir root consilium 0750 "$data"
    for name in consilium-hub consilium-pg; do
        setpriv --reuid $name --regid $name --init-groups -- test -x "$data" ||
            die "the system user $name cannot pass through to $data; choose another --data"
    done
    [ ${#data} -le 80 ] || die "the path of the data directory is too long for a Unix socket: $data"
    make_dir consilium-pg consilium-pg 0700 "$data/db"
    make_dir consilium-hub consilium 2750 "$data/run"
    make_dir consilium-pg consilium 0750 "$data/run/pg"
    make_dir root consilium 0750 "$data/tls"
    make_dir consilium-dicom consilium-dicom 2750 "$data/blobs"
    make_dir consilium-hub consilium-dicom 2770 "$data/incoming"
    make_dir consilium-dicom consilium-dicom 2750 "$data/cache"
    make_dir consilium-media consilium-media 2770 "$data/recordings"
    make_dir root consilium 0750 "$data/log"
}

# A self-signed certificate for the names of this instance; made anew when they change or it nears its end. One that the
# operator put there (no file self-signed beside it) is left alone.
instance_certificate() {
    local cert=$data/tls/cert.pem key=$data/tls/key.pem names="DNS:localhost,IP:127.0.0.1,IP:::1" name
    for name in "$host" "$announce" "$(hostname)"; do
        case $name in
        '' | 0.0.0.0 | localhost | 127.0.0.1) ;;
        *[!0-9.]*) case $name in *:*) names+=",IP:$name" ;; *) names+=",DNS:$name" ;; esac ;;
        *) names+=",IP:$name" ;;
        esac
    done
    if [ -e "$cert" ] && [ ! -e "$data/tls/self-signed" ]; then return; fi
    if [ "$(cat "$data/tls/self-signed" 2>/dev/null)" = "$names" ] &&
        openssl x509 -in "$cert" -noout -checkend $((30 * 86400)) >/dev/null 2>&1; then return; fi
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha256 -days 825 -nodes -subj "/CN=Consilium ${host}" \
        -addext "subjectAltName=$names" -addext "extendedKeyUsage=serverAuth" -addext "basicConstraints=critical,CA:FALSE" \
        -keyout "$key.new" -out "$cert.new" 2>"$data/tls/openssl.log" || die "no certificate could be made: see $data/tls/openssl.log"
    chown root:consilium-hub "$key.new" && chmod 0640 "$key.new" && chmod 0644 "$cert.new"
    mv "$key.new" "$key" && mv "$cert.new" "$cert"
    printf '%s' "$names" >"$data/tls/self-signed"
}

# What DICOM over TLS needs: an authority of this instance, which signs the certificates of its scanners (consilium ae
# certificate), and the certificates that it shows itself, RSA and ECDSA. Those are made anew when names change or their end
# is near; the authority is for good. Nobody but root reads its key.
instance_dicom_certificates() {
    local tls=$data/tls names="DNS:localhost,IP:127.0.0.1,IP:::1" name kind key
    for name in "$host" "$announce" "$(hostname)"; do
        case $name in
        '' | 0.0.0.0 | :: | localhost | 127.0.0.1) ;;
        *[!0-9.]*) case $name in *:*) names+=",IP:$name" ;; *) names+=",DNS:$name" ;; esac ;;
        *) names+=",IP:$name" ;;
        esac
    done
    if [ ! -e "$tls/dicom-ca.pem" ]; then
        (umask 077 && openssl req -x509 -newkey rsa:3072 -sha256 -days 7300 -nodes -subj "/O=Consilium/CN=DICOM authority $(hostname)" \
            -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
            -keyout "$tls/dicom-ca-key.pem" -out "$tls/dicom-ca.new" 2>"$tls/openssl.log") || die "no authority could be made: see $tls/openssl.log"
        chmod 0644 "$tls/dicom-ca.new"
        mv "$tls/dicom-ca.new" "$tls/dicom-ca.pem"
    fi
    if [ "$(cat "$tls/dicom-names" 2>/dev/null)" = "$names" ] &&
        openssl x509 -in "$tls/dicom-rsa.pem" -noout -checkend $((30 * 86400)) >/dev/null 2>&1; then return; fi
    for kind in rsa ec; do
        key="rsa:3072"
        [ $kind = rsa ] || key="ec -pkeyopt ec_paramgen_curve:P-256"
        # shellcheck disable=SC2086 # several words
        (umask 077 && openssl req -newkey $key -sha256 -nodes -subj "/O=Consilium/CN=CONSILIUM" -keyout "$tls/dicom-$kind-key.new" \
            -out "$tls/dicom-$kind.csr" 2>"$tls/openssl.log" &&
            printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=critical,CA:FALSE\n' "$names" >"$tls/dicom.ext" &&
            openssl x509 -req -in "$tls/dicom-$kind.csr" -CA "$tls/dicom-ca.pem" -CAkey "$tls/dicom-ca-key.pem" -set_serial "0x$(openssl rand -hex 16)" \
                -days 825 -sha256 -extfile "$tls/dicom.ext" -out "$tls/dicom-$kind.new" 2>>"$tls/openssl.log") ||
            die "no certificate could be made: see $tls/openssl.log"
        chown root:consilium-dicom "$tls/dicom-$kind-key.new" && chmod 0640 "$tls/dicom-$kind-key.new" && chmod 0644 "$tls/dicom-$kind.new"
        mv "$tls/dicom-$kind-key.new" "$tls/dicom-$kind-key.pem" && mv "$tls/dicom-$kind.new" "$tls/dicom-$kind.pem"
        rm -f "$tls/dicom-$kind.csr" "$tls/dicom.ext"
    done
    printf '%s' "$names" >"$tls/dicom-names"
}

# The private cluster: on a Unix socket only, peer authentication only. Its superuser `postgres` is for root (backup) alone.
instance_cluster() {
    if [ ! -e "$data/db/PG_VERSION" ]; then
        say "creating the database cluster"
        rm -rf "$data/db.new"
        make_dir consilium-pg consilium-pg 0700 "$data/db.new"
        (cd / && quiet "$data/log/initdb.log" setpriv --reuid consilium-pg --regid consilium-pg --init-groups -- "$postgres_bin/initdb" \
            -D "$data/db.new" -U postgres -E UTF8 --locale=C.UTF-8 --data-checksums --auth=peer --no-sync) || die "initdb failed"
        echo "include_if_exists = 'consilium.conf'" >>"$data/db.new/postgresql.conf"
        rmdir "$data/db"
        mv "$data/db.new" "$data/db"
        sync -f "$data/db" & # in one go, beside the start, instead of file by file
    fi
    cat >"$data/db/consilium.conf" <<CONF
# Written by hub/up at every start; own settings belong into postgresql.auto.conf (ALTER SYSTEM).
listen_addresses = ''
unix_socket_directories = '$data/run/pg'
unix_socket_group = 'consilium'
unix_socket_permissions = 0770
max_connections = 60
shared_buffers = 128MB
jit = off
logging_collector = off
log_destination = 'stderr'
log_line_prefix = '%m [%p] %u '
# No patient data in the log: neither statements nor the rows that an error's details would quote.
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length_on_error = 0
CONF
    cat >"$data/db/pg_hba.conf" <<CONF
# Written by hub/up at every start.
local all all peer map=consilium
CONF
    cat >"$data/db/pg_ident.conf" <<CONF
# Written by hub/up at every start. map, system user, database role
consilium root            postgres
consilium root            consilium_owner
consilium root            consilium_hub
consilium root            consilium_dicom
consilium consilium-pg    postgres
consilium consilium-pg    consilium_owner
consilium consilium-hub   consilium_hub
consilium consilium-dicom consilium_dicom
CONF
    chown consilium-pg:consilium-pg "$data"/db/{consilium,pg_hba,pg_ident}.conf
}

# The configuration file belongs to the operator; hub/up writes it once, and passes what was said on the command line
# through the environment, which wins.
instance_configuration() {
    local file=$data/consilium.conf
    if [ ! -e "$file" ]; then
        cat >"$file" <<CONF
# Consilium. What is wrong with this file: consilium check --data DIR. Every key with its meaning
# and with its default: consilium check --keys. A key can also be given in the environment, which wins:
# CONSILIUM_HUB_HTTPS_PORT is [hub] https-port.
CONF
    fi
    chown root:consilium "$file"
    chmod 0640 "$file"
}
