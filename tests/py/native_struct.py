# The natives of struct: results and error texts.
import _struct as st


def tr(f):
    try:
        print(f())
    except BaseException as e:
        print(type(e).__name__, e)


for f,a in [('<hHiIqQ',(1,2,3,4,5,6)),('>ed',(1.5,2.5)),('@bhi3s2p?c',(1,2,3,b'abcd',b'xyz',True,b'c')),('e',(65519.9,)),('e',(1e-8,)),('f',(0.1,)),('F',(1+2j,)),('n',(-1,)),('P',(5,))]:
    tr(lambda: st.pack(f,*a)); tr(lambda: st.unpack(f,st.pack(f,*a)))
tr(lambda:st.pack('B',256))
tr(lambda:st.pack('3h',1))
tr(lambda:st.unpack('h',b'1'))
tr(lambda:st.unpack_from('h',b'1234',-9))
tr(lambda:st.pack_into('h',b'12',0,1))
tr(lambda:list(st.iter_unpack('<H',b'abcd')))
tr(lambda:st.Struct('h'))
tr(lambda:st.pack('d','x'))
tr(lambda:st.error.__module__)
tr(lambda:st.unpack('h','12'))
b=bytearray(4)
st.pack_into('>H',b,1,0x4142)
tr(lambda:b)
