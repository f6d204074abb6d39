package io.downlink.client;

import java.security.Principal;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSessionContext;

/** A session under way that already tells the certificates which the server has shown: verifiers of host names look at them. */
final class PresentedSession implements SSLSession {
    private final SSLSession inner;
    private final X509Certificate[] chain;

    PresentedSession(SSLSession inner, X509Certificate[] chain) {
        this.inner = inner;
        this.chain = chain.clone();
    }

    @Override
    public Certificate[] getPeerCertificates() {
        return chain.clone();
    }

    @Override
    public Principal getPeerPrincipal() {
        return chain[0].getSubjectX500Principal();
    }

    @Override
    @Deprecated
    @SuppressWarnings("removal")
    public javax.security.cert.X509Certificate[] getPeerCertificateChain() {
        throw new UnsupportedOperationException("use getPeerCertificates");
    }

    @Override
    public byte[] getId() {
        return inner.getId();
    }

    @Override
    public SSLSessionContext getSessionContext() {
        return inner.getSessionContext();
    }

    @Override
    public long getCreationTime() {
        return inner.getCreationTime();
    }

    @Override
    public long getLastAccessedTime() {
        return inner.getLastAccessedTime();
    }

    @Override
    public void invalidate() {
        inner.invalidate();
    }

    @Override
    public boolean isValid() {
        return inner.isValid();
    }

    @Override
    public void putValue(String name, Object value) {
        inner.putValue(name, value);
    }

    @Override
    public Object getValue(String name) {
        return inner.getValue(name);
    }

    @Override
    public void removeValue(String name) {
        inner.removeValue(name);
    }

    @Override
    public String[] getValueNames() {
        return inner.getValueNames();
    }

    @Override
    public Certificate[] getLocalCertificates() {
        return inner.getLocalCertificates();
    }

    @Override
    public Principal getLocalPrincipal() {
        return inner.getLocalPrincipal();
    }

    @Override
    public String getCipherSuite() {
        return inner.getCipherSuite();
    }

    @Override
    public String getProtocol() {
        return inner.getProtocol();
    }

    @Override
    public String getPeerHost() {
        return inner.getPeerHost();
    }

    @Override
    public int getPeerPort() {
        return inner.getPeerPort();
    }

    @Override
    public int getPacketBufferSize() {
        return inner.getPacketBufferSize();
    }

    @Override
    public int getApplicationBufferSize() {
        return inner.getApplicationBufferSize();
    }
}
