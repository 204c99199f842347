"""Certificates for the tests of TLS, made when they run: good ones, and each kind of bad one."""
import datetime
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.utcnow
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


def name_of(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def san_of(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Certificate:
    """A key and its certificate.  Issued by `issuer`, a Certificate that is a CA, or by itself.

    names: subject alternative names, addresses among them; raw_names: DNS names although they look
    like addresses; chain: what is sent behind it; constraint: names that a CA may issue for.
    """

    def __init__(self, common, issuer=None, names=(), raw_names=(), ca=False, usage=(), since=-DAY,
                 until=DAY, chain=(), constraint=None, key=None, digest=hashes.SHA256()):
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.chain = chain
        signer = issuer or self
        builder = (x509.CertificateBuilder()
                   .subject_name(name_of(common))
                   .issuer_name(name_of(common) if issuer is None else issuer.certificate.subject)
                   .public_key(self.key.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(NOW() + since).not_valid_after(NOW() + until)
                   .add_extension(x509.BasicConstraints(ca, None), critical=True))
        sans = [san_of(n) for n in names] + [x509.DNSName(n) for n in raw_names]
        if sans:
            builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        if constraint:
            builder = builder.add_extension(
                x509.NameConstraints([x509.DNSName(constraint)], None), critical=True)
        self.certificate = builder.sign(signer.key, digest)

    @property
    def serial(self):
        return self.certificate.serial_number

    def pem(self):
        return b"".join(c.certificate.public_bytes(serialization.Encoding.PEM)
                        for c in (self, *self.chain)).decode()

    def key_pem(self):
        return self.key.private_bytes(serialization.Encoding.PEM,
                                      serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption()).decode()

    def revoke(self, *revoked):
        """A list of this CA's."""
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
                   .last_update(NOW() - DAY).next_update(NOW() + DAY))
        for other in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(other.serial)
                .revocation_date(NOW() - DAY / 2).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(
            serialization.Encoding.PEM).decode()


def weak_key():
    return rsa.generate_private_key(65537, 1024)


class Folder:
    """Where certificates lie as files.  Writing replaces, as renewals do it."""

    def __init__(self, path):
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def write(self, name, text, mode=0o644):
        fresh = self.path / (name + ".new")
        fresh.write_text(text)
        fresh.chmod(mode)
        fresh.replace(self.path / name)
        return str(self.path / name)

    def pair(self, name, certificate):
        """(certificate, key): paths."""
        return (self.write(name + ".pem", certificate.pem()),
                self.write(name + ".key", certificate.key_pem(), 0o600))


def server_context(folder, name, certificate, protocols=("h2",)):
    """For a server of the test's own, which takes any certificate for itself, however bad."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(*folder.pair(name, certificate))
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context
